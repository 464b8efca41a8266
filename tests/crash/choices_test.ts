// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { Random } from "../../cli/selftest/random.ts";
import { formatChoice, parseChoice, randomChoice, subsets, tears, torn } from "./choices.ts";
import type { Volatile } from "./medium.ts";

function volatile(count: number, sectors = 8): Volatile[] {
  return Array.from({ length: count }, (_, index) => ({
    write: {
      kind: "write",
      device: 0,
      id: index + 1,
      sector: index * sectors,
      data: new Uint8Array(sectors * 512),
      fua: false,
      preflush: false,
    },
    turn: index + 1,
    sectors,
    ended: false,
  }));
}

Deno.test("every subset of few writes, none twice; some of many", () => {
  const few = subsets(volatile(4)).map(formatChoice);
  assert.equal(few.length, 16);
  assert.equal(new Set(few).size, 16);
  const many = subsets(volatile(9)).map(formatChoice);
  assert.equal(new Set(many).size, 2 + 9 + 9);
});

Deno.test("a short write is torn at each of its sectors, from both ends", () => {
  const masks = tears(8, new Random(1)).map((mask) => mask.toString(2).padStart(8, "0"));
  assert.equal(masks.length, 14);
  assert.ok(masks.includes("00000001") && masks.includes("11111110") && masks.includes("01111111"));
  for (const mask of tears(100, new Random(1))) assert.ok(mask > 0n && mask < (1n << 100n) - 1n);
  assert.equal(torn(volatile(1, 1), new Random(1)).length, 0);
  assert.equal(torn(volatile(2, 2), new Random(1)).length, 2 * 2 * 2);
});

Deno.test("a choice reads as it was written", () => {
  const writes = volatile(12);
  const random = new Random(3);
  for (let round = 0; round < 200; round++) {
    const choice = randomChoice(writes, random);
    assert.deepEqual(parseChoice(formatChoice(choice), writes), choice);
  }
  assert.throws(() => parseChoice("99", writes), /not volatile/);
});
