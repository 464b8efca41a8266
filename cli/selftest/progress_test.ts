// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { Progress } from "./progress.ts";

Deno.test("a line a stage and a failed case, and in between what is running", () => {
  const lines: string[] = [];
  const transient: string[] = [];
  const progress = new Progress({
    line: (text) => void lines.push(text),
    transient: (text) => void transient.push(text),
  });
  const place = { stage: "a", step: "3 ping", name: "pong" };
  progress.take({ event: "stage", stage: "a" });
  progress.take({ event: "case", ...place });
  progress.take({ event: "case-end", ...place, outcome: "failed", ms: 5, detail: "EIO\nhere" });
  progress.take({ event: "stage-end", stage: "a", outcome: "failed", ms: 1234 });
  progress.take({ event: "stage-end", stage: "b", outcome: "skipped", ms: 0, detail: "no fio" });
  assert.deepEqual(lines, [
    "a: FAILED 3 ping: pong: EIO",
    "a: failed (1.2 s, 1 case, 1 of them not passed)",
    "b: skipped (0.0 s): no fio",
  ]);
  assert.deepEqual(transient, ["a ...", "a ... 3 ping: pong", "", "", ""]);
});
