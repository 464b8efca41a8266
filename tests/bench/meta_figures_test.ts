// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { compareChecks, parseTime } from "./meta_figures.ts";

Deno.test("what time(1) writes", () => {
  assert.deepEqual(parseTime("0.34 0.21 0.04 21464\n"), {
    wall_s: 0.34,
    cpu_s: 0.25,
    max_rss_kib: 21464,
  });
  assert.throws(() => parseTime("Command exited with non-zero status 1\n0.0 0 0 1\n"), SyntaxError);
});

Deno.test("both kinds of time have to be less", () => {
  const usage = (cpu_s: number, wall_s: number) => [{ cpu_s, wall_s, max_rss_kib: 1 }];
  const verdict = (cpu: number, wall: number) =>
    compareChecks(1, { meta_check: usage(cpu, wall), thin_check: usage(2, 2) }).within_budget;
  assert.deepEqual([verdict(1, 1), verdict(2, 1), verdict(1, 3)], [true, false, false]);
});
