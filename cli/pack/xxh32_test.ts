// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { xxh32 } from "./xxh32.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

Deno.test("XXH32 gives the published values", () => {
  assert.equal(xxh32(bytes("")), 0x02cc5d05);
  assert.equal(xxh32(bytes("a")), 0x550d7456);
  assert.equal(xxh32(bytes("abc")), 0x32d153ff);
  assert.equal(xxh32(bytes("Nobody inspects the spammish repetition")), 0xe2293b2f);
});

Deno.test("XXH32 notices a flipped bit anywhere", () => {
  const data = bytes("a packed file of a few more bytes than one stripe");
  const whole = xxh32(data);
  for (let bit = 0; bit < data.length * 8; bit++) {
    const copy = data.slice();
    copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.notEqual(xxh32(copy), whole, `bit ${bit}`);
  }
});
