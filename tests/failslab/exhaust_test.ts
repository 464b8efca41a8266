// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { plan, planAll } from "./exhaust.ts";

Deno.test("a new place fails from its first time on, and once more at its last", () => {
  assert.deepEqual(plan(["a", "b", "a", "a"], new Map()), [
    { nth: 1, mode: "site" },
    { nth: 4, mode: "once" },
    { nth: 2, mode: "site" },
  ]);
});

Deno.test("a place that was met before fails in one more operation, and then no more", () => {
  const spent = new Map([["a", 1], ["b", 2]]);
  assert.deepEqual(plan(["a", "b", "a"], spent), [{ nth: 1, mode: "site" }]);
});

Deno.test("all: every allocation by itself, too", () => {
  assert.deepEqual(planAll(["a", "a"]), [
    { nth: 1, mode: "site" },
    { nth: 2, mode: "once" },
    { nth: 1, mode: "once" },
    { nth: 2, mode: "once" },
  ]);
});
