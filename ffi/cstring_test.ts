// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { fromCString, toCString } from "./cstring.ts";
import { libc } from "./libc.ts";

// Loaded for good, and here rather than in a test, which would be blamed for a leak.
libc();

Deno.test("text ends with a NUL, and has none inside", () => {
  assert.deepEqual(toCString("aä"), new Uint8Array([0x61, 0xc3, 0xa4, 0]));
  assert.deepEqual(toCString(""), new Uint8Array([0]));
  for (const text of ["\0", "a\0b", "a\0"]) assert.throws(() => toCString(text), TypeError);
});

Deno.test("text comes back up to its NUL; no pointer is no text, not an empty one", () => {
  const at = (bytes: Uint8Array<ArrayBuffer>) => fromCString(Deno.UnsafePointer.of(bytes));
  for (const text of ["", "a", "r0: ä€𝄞", "\ufeffmark"]) assert.equal(at(toCString(text)), text);
  assert.equal(at(new Uint8Array([0x61, 0, 0x62, 0])), "a");
  assert.equal(at(new Uint8Array([0x61, 0xff, 0x62, 0])), "a\ufffdb", "no UTF-8");
  assert.equal(fromCString(null), undefined);
});
