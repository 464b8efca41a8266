// SPDX-License-Identifier: GPL-2.0-only
// A run with one of everything, for the tests of the reports.
import type { RunResult } from "./report.ts";

export const GOOD_RUN: RunResult = {
  kernel: "6.1",
  release: "6.1.0-1-amd64",
  place: "guest",
  seed: 7,
  stages: [{
    name: "functional",
    outcome: "passed",
    ms: 1500,
    cases: [{ step: "3 ping", name: "pong", outcome: "passed", ms: 20 }],
    figures: [{ name: "speed", value: 12.345, unit: "MiB/s" }],
  }],
  complaints: [],
  seconds: 10,
};

export const BAD_RUN: RunResult = {
  ...GOOD_RUN,
  kernel: "debug",
  stages: [
    {
      name: "functional",
      outcome: "failed",
      ms: 1500,
      cases: [
        { step: "3 ping", name: "pong", outcome: "passed", ms: 20 },
        {
          step: "",
          name: "a < b",
          outcome: "failed",
          ms: 5,
          detail: "x\n  expected: 1\n  seen: 2",
        },
      ],
      figures: [],
    },
    { name: "files", outcome: "skipped", detail: "no mkfs", ms: 0, cases: [], figures: [] },
  ],
  complaints: ["BUG: bad\u0007 thing"],
  trouble: "the guest died",
};
