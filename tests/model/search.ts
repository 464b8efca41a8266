// SPDX-License-Identifier: GPL-2.0-only
//
// Looks for a sequence that fails, and for the shortest one that still does.
import fc from "fast-check";
import type { TestDevice } from "./device.ts";
import type { Geometry } from "./model.ts";
import type { Operation, Sequence } from "./operations.ts";
import { runSequence, StepFailed } from "./runner.ts";
import type { Tally } from "./tally.ts";
import { type FailedAt, SequenceArbitrary } from "./sequences.ts";

/** A sequence that fails, as short as it became. */
export interface Failure {
  readonly sequence: Sequence;
  readonly error: string;
  /** Steps of the sequence that failed first. */
  readonly foundAfter: number;
  readonly tries: number;
}

export interface SearchOptions {
  readonly variant: string;
  readonly geometry: Geometry;
  readonly seed: number;
  /** Operations in the sequence. */
  readonly length: number;
  /** Ends the shrinking. */
  readonly shrinkSeconds?: number;
  readonly tally?: Tally;
  readonly onStep?: (operation: Operation) => void;
  readonly onShrink?: (tries: number, length: number) => void;
}

/** Runs one random sequence; if it fails, shrinks it. */
export async function searchFailure(
  device: TestDevice,
  options: SearchOptions,
): Promise<Failure | undefined> {
  const { variant, geometry, seed, length } = options;
  const failedAt: FailedAt = new WeakMap();
  const limit = (options.shrinkSeconds ?? 180) * 1000;
  let tries = 0;
  let foundAfter = 0;
  let shrinkingSince: number | undefined;
  const property = fc.asyncProperty(
    new SequenceArbitrary(variant, geometry, seed, length, failedAt),
    async (sequence) => {
      // Out of time: every further try passes, which ends the shrinking.
      if (shrinkingSince !== undefined && performance.now() - shrinkingSince > limit) return;
      tries++;
      try {
        const onStep = shrinkingSince === undefined ? options.onStep : undefined;
        await runSequence(device, geometry, sequence, onStep, options.tally);
      } catch (error) {
        if (!(error instanceof StepFailed)) throw error;
        failedAt.set(sequence, error.index);
        shrinkingSince ??= performance.now();
        foundAfter ||= error.index + 1;
        options.onShrink?.(tries, Math.min(sequence.operations.length, error.index + 1));
        throw error;
      }
    },
  );
  const result = await fc.check(property, { seed, numRuns: 1 });
  if (!result.failed) return undefined;
  const [sequence] = result.counterexample!;
  const error = result.errorInstance;
  return {
    sequence,
    error: error instanceof Error ? error.message : String(error),
    foundAfter,
    tries,
  };
}
