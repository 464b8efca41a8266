// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import fc from "fast-check";
import { contentOf, holdsStamp, spareStamps, stamps, wordsOf } from "./stamps.ts";

const u32 = fc.integer({ min: 0, max: 0xffffffff });
const sector = fc.integer({ min: 0, max: 1 << 20 });

Deno.test("a stamp is read back, and only as itself", () => {
  fc.assert(fc.property(u32, sector, u32, (seed, first, sequence) => {
    const words = wordsOf(stamps(seed, first, 3, sequence));
    for (let i = 0; i < 3; i++) {
      assert.deepEqual(contentOf(words, i), { kind: "stamp", seed, sector: first + i, sequence });
      assert.ok(holdsStamp(words, i, seed, first + i, sequence));
      assert.ok(!holdsStamp(words, i, seed, first + i + 1, sequence));
      assert.ok(!holdsStamp(words, i, seed, first + i, (sequence + 1) >>> 0));
    }
  }));
});

Deno.test("any damaged word makes it garbage or another's", () => {
  fc.assert(fc.property(sector, fc.nat(127), u32, (first, at, value) => {
    const words = wordsOf(stamps(7, first, 1, 9));
    fc.pre(words[at] !== value);
    words[at] = value;
    assert.ok(!holdsStamp(words, 0, 7, first, 9));
    assert.equal(contentOf(words, 0).kind, "garbage");
  }));
});

Deno.test("zeros and the spare's own content are told apart", () => {
  assert.deepEqual(contentOf(new Uint32Array(128), 0), { kind: "zeros" });
  const spare = wordsOf(spareStamps(3, 40, 2));
  assert.deepEqual(contentOf(spare, 1), { kind: "spare", seed: 3, sector: 41 });
  assert.throws(() => contentOf(spare, 2), RangeError);
});

Deno.test("an unaligned buffer is read, too", () => {
  const bytes = new Uint8Array(513);
  bytes.set(stamps(1, 2, 1, 3), 1);
  assert.ok(holdsStamp(wordsOf(bytes.subarray(1)), 0, 1, 2, 3));
});
