// SPDX-License-Identifier: GPL-2.0-only
import type { SnapshotEntry } from "./types.ts";

interface Run {
  readonly first: number;
  readonly length: number;
}

/**
 * The first run with a sector that is not relocated and readable: only such sectors have content.
 * Both ascend.
 */
export function firstUncovered(
  entries: Iterable<SnapshotEntry>,
  runs: Iterable<Run>,
): Run | undefined {
  const readable = entries[Symbol.iterator]();
  let current = readable.next();
  try {
    for (const run of runs) {
      let reached = run.first;
      while (reached < run.first + run.length) {
        if (current.done === true) return run;
        const { first, length, state } = current.value;
        if (first + length <= reached) current = readable.next();
        else if (first > reached || state !== "remapped") return run;
        else reached = first + length;
      }
    }
    return undefined;
  } finally {
    readable.return?.();
  }
}
