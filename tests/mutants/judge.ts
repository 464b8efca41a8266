// SPDX-License-Identifier: GPL-2.0-only
//
// What became of a mutant: from the end of its command and what that has said.
import { countsInOutput, judge } from "../suite/counts.ts";
import { failedTests } from "../suite/failed_tests.ts";
import { KERNEL_LOG, type Mutant, TIMEOUT } from "./patch.ts";

export type Verdict =
  | "caught"
  /** Everything passed. */
  | "survived"
  /** Something failed, but not the test that was to notice. */
  | "caught otherwise"
  | "does not apply"
  /** What never ran cannot have noticed anything. */
  | "does not build"
  /** The command fails without the change as well. */
  | "baseline red"
  | "took too long";

export interface Judgement {
  readonly verdict: Verdict;
  /** The failed tests that say so, or what is to be said instead. */
  readonly by: string;
}

/** How a command ended. */
export interface Ended {
  readonly output: string;
  readonly code: number;
  readonly timedOut: boolean;
}

/** Said by the builder of modules, and by Deno of sources that do not fit together. */
const NOT_BUILT = /^.*(?:the module does not build|Type checking failed|\bTS\d+ \[ERROR\]).*$/m;

/** The failed test in `output` that was to notice the mutant. */
export function noticedBy(
  { caughtBy }: Pick<Mutant, "caughtBy">,
  output: string,
): string | undefined {
  if (caughtBy === TIMEOUT) return undefined;
  return failedTests(output).find((name) =>
    caughtBy === KERNEL_LOG ? name.startsWith(KERNEL_LOG) : name.includes(caughtBy)
  );
}

export function judgeMutant(mutant: Pick<Mutant, "caughtBy">, ended: Ended): Judgement {
  const { output, code, timedOut } = ended;
  const noticed = noticedBy(mutant, output);
  if (noticed !== undefined) return { verdict: "caught", by: noticed };
  const broken = NOT_BUILT.exec(output)?.[0];
  if (broken !== undefined) return { verdict: "does not build", by: broken.trim() };
  const failed = failedTests(output);
  if (failed.length > 0) return { verdict: "caught otherwise", by: failed.join("; ") };
  if (timedOut) {
    return mutant.caughtBy === TIMEOUT
      ? { verdict: "caught", by: TIMEOUT }
      : { verdict: "took too long", by: "no test has failed until then" };
  }
  if (judge(countsInOutput(output), code).failed > 0) {
    return { verdict: "caught otherwise", by: `ended with ${code}, and no test is named` };
  }
  return { verdict: "survived", by: "nothing" };
}

/** Whether a command passes without any change. */
export function isGreen({ output, code, timedOut }: Ended): boolean {
  return !timedOut && judge(countsInOutput(output), code).failed === 0;
}
