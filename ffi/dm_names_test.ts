// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { checkDeviceName, splitDeviceNumber } from "./dm_names.ts";
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

Deno.test("device numbers with more than 8 bits of minor", () => {
  assert.deepEqual(splitDeviceNumber(0xfd00n), { major: 253, minor: 0 });
  assert.deepEqual(splitDeviceNumber(0x10000300n | 5n), { major: 3, minor: 0x10005 });
});
