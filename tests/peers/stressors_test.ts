// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import {
  chosenStressors,
  LEFT_OUT,
  parseClass,
  parseMetrics,
  stressorArguments,
} from "./stressors.ts";

Deno.test("the stressors of a class are those that stress-ng names", () => {
  const text = "class 'io' stressors: aio hdd io-uring sync-file\n";
  assert.deepEqual(parseClass(text), ["aio", "hdd", "io-uring", "sync-file"]);
  assert.throws(() => parseClass("no such class"));
});

Deno.test("all of them run, once each, but for those that are left out by name", () => {
  const chosen = chosenStressors(["hdd", "xattr", ...Object.keys(LEFT_OUT)], ["aio", "hdd"]);
  assert.deepEqual(chosen, ["aio", "hdd", "xattr"]);
  const words = stressorArguments(["hdd", "xattr"], 2);
  assert.deepEqual(words.slice(0, 4), ["--hdd", "1", "--hdd-ops", "3000"]);
  assert.deepEqual(words.slice(-4), ["--xattr", "1", "--xattr-ops", "40"]);
});

Deno.test("what each has done is read from the report", () => {
  const yaml = "metrics:\n    - stressor: io\n      bogo-ops: 5\n      wall-clock-time: 0.5\n\n" +
    "    - stressor: sync-file\n      bogo-ops: 0\n";
  assert.deepEqual([...parseMetrics(yaml)], [["io", 5], ["sync-file", 0]]);
});
