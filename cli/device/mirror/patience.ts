// SPDX-License-Identifier: GPL-2.0-only
// When to stop a device that is written to all the time: each pass leaves what was written during it.

/** Shorter than this nobody notices: then there is no further pass. */
const SHORT_PAUSE_MS = 300;
/** A pass has to leave so much less than the one before, or it is one of a few that may fail to. */
const SHRINKS = 0.75;
const FAILURES = 4;

export type Verdict =
  /** Copy what is left, while the device goes on. */
  | "again"
  /** Stop it now, and copy the rest. */
  | "stop"
  /** The rest takes too long, and does not get less. */
  | "too much";

/** Follows the passes of one copy. */
export class Patience {
  #left = FAILURES;

  constructor(private readonly maxPauseMs: number) {}

  /** After a pass over `before` sectors, `left` are to be copied, which would take `pauseMs`. */
  judge(before: number, left: number, pauseMs: number): Verdict {
    if (pauseMs <= Math.min(SHORT_PAUSE_MS, this.maxPauseMs)) return "stop";
    if (left <= SHRINKS * before) return "again";
    if (--this.#left > 0) return "again";
    return pauseMs <= this.maxPauseMs ? "stop" : "too much";
  }
}
