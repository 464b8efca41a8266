// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { median } from "./median.ts";

Deno.test("odd, even, unordered, nothing", () => {
  assert.equal(median([3]), 3);
  assert.equal(median([10, 1, 2]), 2);
  assert.equal(median([10, 1, 2, 4]), 3);
  assert.equal(median([]), NaN);
});
