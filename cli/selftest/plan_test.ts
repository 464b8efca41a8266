// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { UsageError } from "../device/errors.ts";
import { selectStages } from "./plan.ts";

const KNOWN = ["a", "b", "c"];

Deno.test("all stages unless some are named, in their own order, each once", () => {
  assert.deepEqual(selectStages(KNOWN, [], []), KNOWN);
  assert.deepEqual(selectStages(KNOWN, ["c", "a", "c"], []), ["a", "c"]);
  assert.deepEqual(selectStages(KNOWN, [], ["b"]), ["a", "c"]);
});

Deno.test("unknown names and an empty choice are usage errors", () => {
  assert.throws(() => selectStages(KNOWN, ["d"], []), UsageError);
  assert.throws(() => selectStages(KNOWN, [], ["d"]), /the stages are a, b, c/);
  assert.throws(() => selectStages(KNOWN, ["a"], ["a"]), UsageError);
});
