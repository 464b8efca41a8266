// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { plan, planAll } from "./exhaust.ts";

Deno.test("of a new place all fail, and once more its last by itself", () => {
  assert.deepEqual(plan(["a", "b", "a", "a"], new Map()), [
    { place: "a", nth: 1, mode: "site" },
    { place: "a", nth: 3, mode: "once" },
    { place: "b", nth: 1, mode: "site" },
  ]);
});

Deno.test("a place that was met before fails in one more operation, and then no more", () => {
  const spent = new Map([["a", 1], ["b", 2]]);
  assert.deepEqual(plan(["a", "b", "a"], spent), [{ place: "a", nth: 1, mode: "site" }]);
});

Deno.test("all: every allocation of a place by itself, too", () => {
  assert.deepEqual(planAll(["a", "a"]), [
    { place: "a", nth: 1, mode: "site" },
    { place: "a", nth: 1, mode: "once" },
    { place: "a", nth: 2, mode: "once" },
  ]);
});
