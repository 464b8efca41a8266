// SPDX-License-Identifier: GPL-2.0-only
import { type Counts, sum } from "./counts.ts";

/** What a step of the run came to, and how long it took. */
export interface Outcome {
  readonly name: string;
  readonly counts: Counts;
  readonly seconds: number;
}

const WIDTH = 100;

/**
 * The end of a run, whose last line is `N passed, N failed`. It is short, and begins with what the
 * failed steps have said: often no more than that is kept of a long run's output.
 */
export function summary(outcomes: readonly Outcome[], seconds: number): string {
  const failed = outcomes.filter(({ counts }) => counts.failed > 0);
  const passed = outcomes.filter(({ counts }) => counts.failed === 0);
  const total = sum(outcomes.map(({ counts }) => counts));
  return [
    ...failed.map(failure),
    ...inLines(
      passed.map(({ name, counts, seconds }) =>
        `${name} ${counts.passed} in ${seconds.toFixed(0)} s`
      ),
    ).map((line) => `ok: ${line}`),
    `steps: ${outcomes.length}, of them failed: ${failed.length}, in ${seconds.toFixed(0)} s`,
    `${total.passed} passed, ${total.failed} failed`,
  ].join("\n");
}

function failure({ name, counts, seconds }: Outcome): string {
  const { passed, failed, why = [] } = counts;
  const head = `FAILED: ${name}: ${passed} passed, ${failed} failed, ${seconds.toFixed(0)} s`;
  return [head, ...why.map((line) => `  ${line}`)].join("\n");
}

/** As many to a line as go into it. */
function inLines(words: readonly string[]): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < WIDTH) {
      lines[lines.length - 1] = `${last}; ${word}`;
    } else lines.push(word);
  }
  return lines;
}
