// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { type Outcome, summary } from "./summary.ts";

const passed = (name: string): Outcome => ({
  name,
  counts: { passed: 3, failed: 0 },
  seconds: 1.7,
});

Deno.test("the end of a run begins with what has failed, and why", () => {
  const race: Outcome = {
    name: "race",
    counts: { passed: 4, failed: 2, why: ["FAILED slow: lost", "sector 5"] },
    seconds: 140,
  };
  assert.equal(
    summary([passed("unit"), race, passed("boot")], 142.2),
    [
      "FAILED: race: 4 passed, 2 failed, 140 s",
      "  FAILED slow: lost",
      "  sector 5",
      "ok: unit 3 in 2 s; boot 3 in 2 s",
      "steps: 3, of them failed: 1, in 142 s",
      "10 passed, 2 failed",
    ].join("\n"),
  );
});

Deno.test("forty steps that passed take a few lines", () => {
  const names = Array.from({ length: 40 }, (_, index) => `selftest ${index}`);
  const lines = summary(names.map(passed), 1).split("\n");
  assert.ok(lines.length <= 14 && lines.every((line) => line.length <= 104));
  for (const name of names) assert.ok(lines.some((line) => line.includes(`${name} 3 in`)));
});
