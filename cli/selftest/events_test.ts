// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { readEvent, type SelftestEvent } from "./events.ts";

const EVENTS: readonly SelftestEvent[] = [
  { event: "run", release: "6.1.0", seed: 1, stages: ["a", "b"] },
  { event: "stage", stage: "a" },
  { event: "case", stage: "a", step: "", name: "n" },
  { event: "case-end", stage: "a", step: "s", name: "n", outcome: "failed", ms: 3, detail: "d" },
  { event: "figure", stage: "a", name: "n", value: 1.5, unit: "MiB/s" },
  { event: "stage-end", stage: "a", outcome: "skipped", ms: 1 },
  { event: "complaint", text: "BUG: x" },
  { event: "end" },
];

Deno.test("events survive the way through JSON", () => {
  for (const event of EVENTS) assert.deepEqual(readEvent(JSON.parse(JSON.stringify(event))), event);
});

Deno.test("anything else is no event", () => {
  const others = [
    null,
    1,
    "end",
    [],
    {},
    { event: "other" },
    { event: "toString" },
    { event: "stage" },
    { event: "run", release: "6.1.0", seed: "1", stages: [] },
    { event: "run", release: "6.1.0", seed: 1, stages: [1] },
    { event: "stage-end", stage: "a", outcome: "fine", ms: 1 },
  ];
  for (const other of others) assert.equal(readEvent(other), undefined, JSON.stringify(other));
});
