// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { shuffled } from "./shuffle.ts";

Deno.test("the same items, in another order, and the same order again", () => {
  const items = Array.from({ length: 1000 }, (_, index) => index);
  const first = shuffled(items, 1);
  assert.notDeepEqual(first, items);
  assert.deepEqual(first.toSorted((a, b) => a - b), items);
  assert.deepEqual(shuffled(items, 1), first);
  assert.notDeepEqual(shuffled(items, 2), first);
  assert.ok(first.filter((item, index) => item > index).length > 400, "no drift");
});

Deno.test("few items and seed 0", () => {
  assert.deepEqual(shuffled([], 1), []);
  assert.deepEqual(shuffled([7], 0), [7]);
  assert.deepEqual(shuffled([1, 2], 0).sort(), [1, 2]);
});
