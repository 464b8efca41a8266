// SPDX-License-Identifier: GPL-2.0-only
/**
 * `deno task test [--full] [--one-by-one] [STEP...]`: every test of this repository, two steps at a
 * time where none of them needs the whole machine; with --full as much of each as is left to long
 * campaigns otherwise. Sets up what it needs, and says the names of packages before it installs
 * them. The last line is `N passed, N failed`, and before it stands what the failed steps have said.
 * A step that cannot run has failed.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Step, STEPS } from "./steps.ts";
import type { Counts } from "./suite/counts.ts";
import { failureLines } from "./suite/failures.ts";
import { runInLanes } from "./suite/lanes.ts";
import { NamedLines, say } from "./suite/output.ts";
import { type Outcome, summary } from "./suite/summary.ts";

const root = join(import.meta.dirname ?? ".", "..");
const reports = await Deno.makeTempDir({ prefix: "dmremap-test-" });
const log = (line: string) => say(`${line}\n`);
const started = performance.now();
const seconds = (since: number) => (performance.now() - since) / 1000;

const { values, positionals } = parseArgs({
  options: {
    full: { type: "boolean", default: false },
    "one-by-one": { type: "boolean", default: false },
  },
  allowPositionals: true,
});

/** The steps that the words on the command line name by their beginning; all, if there are none. */
function chosen(): readonly Step[] {
  const steps = STEPS.filter(({ name }) =>
    positionals.length === 0 || positionals.some((word) => name.startsWith(word))
  );
  if (steps.length === 0) {
    log(`no such step; there are: ${STEPS.map(({ name }) => name).join(", ")}`);
    Deno.exit(2);
  }
  return steps;
}

async function runStep({ name, run }: Step): Promise<Outcome> {
  const lines = new NamedLines(name, say);
  log(`=== ${name}: begins at ${seconds(started).toFixed(0)} s`);
  const began = performance.now();
  let counts: Counts;
  try {
    counts = await run({ root, reports, full: values.full, say: lines.write });
  } catch (error) {
    const why = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    lines.write(`${why}\n`);
    counts = { passed: 0, failed: 1, why: failureLines(why) };
  }
  lines.end();
  const { passed, failed } = counts;
  const took = seconds(began);
  log(`=== ${name}: ${passed} passed, ${failed} failed, ${took.toFixed(0)} s`);
  return { name, counts, seconds: took };
}

let outcomes: Outcome[];
try {
  outcomes = await runInLanes(chosen(), values["one-by-one"] ? 1 : 2, runStep);
} finally {
  await Deno.remove(reports, { recursive: true });
}

say(`\n${summary(outcomes, seconds(started))}\n`);
Deno.exit(outcomes.every(({ counts }) => counts.failed === 0) ? 0 : 1);
