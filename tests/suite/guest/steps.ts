// SPDX-License-Identifier: GPL-2.0-only
//
// Tests inside a guest that build on each other: the first one that fails ends them.
import { progress, result } from "./records.ts";

/** A test that has a name; it throws when it has failed, and that has been told then. */
export type Step = (what: string, action: () => Promise<void>) => Promise<void>;

/** A step has failed, and that has been told. */
export class StepFailed extends Error {}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}

/** @param of what they are steps: stands before their names */
export const steps = (of?: string): Step => async (what, action) => {
  const name = of === undefined ? what : `${of}: ${what}`;
  const started = performance.now();
  try {
    await action();
  } catch (error) {
    result(name, wordsOf(error));
    throw new StepFailed(name, { cause: error });
  }
  progress(`${name}: ${((performance.now() - started) / 1000).toFixed(1)} s`);
  result(name);
};

/** What consists of steps. If it ends early, that is told, unless the step has done so. */
export async function tellFailure(name: string, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof StepFailed)) result(name, wordsOf(error));
  }
}
