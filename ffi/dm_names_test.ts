// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import fc from "fast-check";
import { checkDeviceName, mangle, nodePath, splitDeviceNumber, unmangle } from "./dm_names.ts";
import { DeviceMapperError } from "./errors.ts";

Deno.test("names that cannot be are refused with the name and the operation", () => {
  const wrong = ["", ".", "..", "control", "a/b", "a\0b", "a\nb", "x".repeat(128), "ä".repeat(16)];
  for (const name of wrong) {
    assert.throws(
      () => checkDeviceName("create", name),
      (error) =>
        error instanceof DeviceMapperError && error.operation === "create" &&
        error.device === name,
      JSON.stringify(name),
    );
  }
});

Deno.test("odd names that can be are taken", () => {
  for (const name of ["a", "x".repeat(127), "with blank", "ä".repeat(15), "a\\x20b", "%$'\"&"]) {
    checkDeviceName("create", name);
  }
});

Deno.test("mangling is what libdevmapper does, and goes back", () => {
  assert.equal(mangle("plain-0_1.a:b=c@d#e+f"), "plain-0_1.a:b=c@d#e+f");
  assert.equal(mangle("a bä"), "a\\x20b\\xc3\\xa4");
  assert.equal(mangle("back\\slash"), "back\\x5cslash");
  assert.equal(mangle("a\tb"), "a\\x09b", "two digits each");
  assert.equal(mangle("a\\x20b"), "a\\x20b", "a node's name");
  assert.equal(unmangle("a\\x20b\\xc3\\xa4"), "a bä");
  assert.equal(nodePath("a b"), "/dev/mapper/a\\x20b");
  const names = fc.string({ unit: "grapheme", maxLength: 20 })
    .filter((name) => unmangle(name) === name);
  fc.assert(fc.property(names, (name) => {
    assert.match(mangle(name), /^[A-Za-z0-9#+\-.:=@_\\]*$/);
    assert.equal(unmangle(mangle(name)), name);
  }));
});

Deno.test("device numbers with more than 8 bits of minor", () => {
  assert.deepEqual(splitDeviceNumber(0xfd00n), { major: 253, minor: 0 });
  assert.deepEqual(splitDeviceNumber(0x10000300n | 5n), { major: 3, minor: 0x10005 });
});
