// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { sampleOf } from "./sample.ts";

const names = Array.from({ length: 23 }, (_, i) => `kmod/m${i}`);

Deno.test("successive turns walk through all of them", () => {
  const met = new Set([0, 1, 2, 3, 4].flatMap((turn) => sampleOf(names, 5, 1000 + turn)));
  assert.equal(met.size, 23);
});

Deno.test("a turn is the same each time, and has nothing twice", () => {
  const sample = sampleOf(names, 5, 7);
  assert.deepEqual(sampleOf(names.toReversed(), 5, 7), sample);
  assert.equal(new Set(sample).size, 5);
  assert.notDeepEqual(sampleOf(names, 5, 8), sample);
});

Deno.test("no more than there are", () => {
  assert.deepEqual(sampleOf(names, 100, 3).toSorted(), names.toSorted());
  assert.deepEqual(sampleOf([], 5, 3), []);
});
