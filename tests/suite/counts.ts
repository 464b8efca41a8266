// SPDX-License-Identifier: GPL-2.0-only

/** What a step of the test run came to. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  /** Of a step that has failed: what its output says of that, a few lines. */
  readonly why?: readonly string[];
}

/** The last summary in a program's output: `N passed, N failed`, or that of `deno test`. */
export function countsInOutput(text: string): Counts | undefined {
  const summary = /(\d+) passed(?: \([^)]*\))?(?:,| \|) (\d+) failed/g;
  const last = [...text.matchAll(summary)].at(-1);
  return last && { passed: Number(last[1]), failed: Number(last[2]) };
}

/**
 * The sums of a JUnit report. What was skipped did not pass, and so it failed; but what this kernel
 * does not have at all is no test of it.
 */
export function countsInJunit(xml: string): Counts | undefined {
  const root = /<testsuites?\b[^>]*>/.exec(xml)?.[0];
  if (root === undefined) return undefined;
  const number = (name: string) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(root)?.[1] ?? 0);
  const elsewhere = xml.match(/<skipped message="not here: /g)?.length ?? 0;
  const failed = number("failures") + number("errors") + number("skipped") - elsewhere;
  return { passed: number("tests") - elsewhere - failed, failed };
}

/** A step that ended badly, or that tested nothing, has failed, whatever it counted. */
export function judge(counts: Counts | undefined, exitCode: number): Counts {
  const { passed, failed } = counts ?? { passed: 0, failed: 0 };
  const nothing = passed + failed === 0;
  return { passed, failed: failed === 0 && (exitCode !== 0 || nothing) ? 1 : failed };
}

export function sum(all: readonly Counts[]): Counts {
  return {
    passed: all.reduce((total, { passed }) => total + passed, 0),
    failed: all.reduce((total, { failed }) => total + failed, 0),
  };
}
