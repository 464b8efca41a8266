// SPDX-License-Identifier: GPL-2.0-only
//
// Every request of an operation fails once, in every way.
import { describeFault, type Fault, type Mode, type Status, type Victim } from "./faults.ts";
import { checkAftermath } from "./aftermath.ts";
import { type Operation, usersMeanwhile } from "./scenes.ts";
import type { Rig } from "./rig.ts";
import { HangError, milliseconds, within } from "./time.ts";
import { Trial } from "./trial.ts";

/** How a request fails. */
export interface Way {
  readonly mode: Mode;
  readonly status: Status;
  readonly parks: boolean;
}

const MODES: readonly Mode[] = ["once", "sector", "gone"];
const STATUSES: readonly Status[] = ["medium", "ioerr", "transport"];

/** All ways; parked: with other I/O while the request waits to fail. */
export const ALL_WAYS: readonly Way[] = [false, true].flatMap((parks) =>
  MODES.flatMap((mode) => STATUSES.map((status) => ({ mode, status, parks })))
);

export function nameWay({ mode, status, parks }: Way): string {
  return `${mode}-${status}${parks ? "-parked" : ""}`;
}

/** How many ways are tried for each request; the statuses take turns in all of them. */
export type Effort =
  /** Every mode, and one of them parked, but where a restart follows each. */
  | "thorough"
  /** Every mode; one request of three is parked. */
  | "usual"
  /** Two modes of three, which take turns; one request of three is parked. */
  | "short";

function unparkedWays(nth: number, effort: Effort): Way[] {
  const ways = MODES.map((mode, i) => ({ mode, status: STATUSES[(nth + i) % 3]!, parks: false }));
  // Shifted against the statuses, so that each of them comes with every mode.
  const left = (nth + Math.floor(nth / 3)) % 3;
  return effort === "short" ? ways.filter((_, i) => i !== left) : ways;
}

/** Modes and statuses take turns, and shift against each other. */
function parkedWay(turn: number): Way {
  const shift = Math.floor(turn / 3);
  return { mode: MODES[turn % 3]!, status: STATUSES[(turn + shift) % 3]!, parks: true };
}

/** More requests than any operation has. */
const RUNAWAY = 2000;

/** A broken promise, with the fault that broke it. */
export class SweepFailure extends Error {
  override readonly name = "SweepFailure";
  readonly hung: boolean;

  constructor(readonly fault: Fault, cause: unknown, victim?: Victim) {
    super(
      `${describeFault(fault, victim)}: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
    this.hung = cause instanceof HangError;
  }
}

export interface Swept {
  /** Faults that fired. */
  readonly faults: number;
  /** Requests in a run without a fault. */
  readonly requests: number;
  readonly seconds: number;
}

/** Resolves when the armed request has come, or the operation has ended without it. */
async function untilParked(rig: Rig, ended: { is: boolean }): Promise<boolean> {
  while (!ended.is) {
    if (rig.pair.state.parked) return true;
    await milliseconds(1);
  }
  return rig.pair.state.parked;
}

async function runArmed(operation: Operation, trial: Trial): Promise<boolean> {
  const { rig, fault } = trial;
  await trial.begin();
  const ended = { is: false };
  const running = operation.run(trial).finally(() => ended.is = true);
  // A failure is thrown below; until then it is nobody's.
  running.catch(() => {});
  let others: Promise<unknown>[] = [];
  if (fault.parks && await untilParked(rig, ended)) {
    others = (operation.meanwhile ?? usersMeanwhile)(trial);
    for (const other of others) other.catch(() => {});
    await milliseconds(3);
    rig.pair.go();
  }
  await within(Promise.all([running, ...others]), operation.name);
  return rig.pair.state.victim !== undefined;
}

let seeds = 0;

/** @returns whether the fault has fired */
async function attempt(rig: Rig, operation: Operation, fault: Fault): Promise<boolean> {
  const seed = ++seeds;
  const { features = {} } = operation;
  const trial = new Trial(rig, seed, fault, {
    automatic: features.noAutoRemap !== true,
    proactive: features.proactive === true,
    verifiesPending: features.pendingPolicy === "verify",
  });
  try {
    await rig.fresh(seed, features, operation.lasts === true);
    await operation.prepare?.(trial);
    await trial.flush();
    const fired = await runArmed(operation, trial);
    await checkAftermath(trial);
    return fired;
  } catch (error) {
    const { victim } = rig.pair.state;
    if (!(error instanceof HangError)) await rig.discard();
    throw new SweepFailure(fault, error, victim);
  }
}

/**
 * Fails the first request, the second... until there are no more.
 * @param chosen these ways for each request, or as many as the effort says
 */
export async function sweep(
  rig: Rig,
  operation: Operation,
  chosen: readonly Way[] | Effort,
  onFailure: (failure: SweepFailure) => void,
): Promise<Swept> {
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  const failed = new Set<string>();
  let faults = 0;
  for (let nth = 1;; nth++) {
    let fired = false;
    const ways = typeof chosen === "string" ? waysFor(operation, nth, chosen) : chosen;
    for (const way of ways) {
      const fault: Fault = { nth, ...way };
      if (operation.parkedOnly === true && !way.parks) continue;
      // The rest of a way that fails would mostly say the same again.
      if (failed.has(nameWay(way))) continue;
      try {
        if (nth > RUNAWAY) throw new SweepFailure(fault, "the operation does not end");
        if (!await attempt(rig, operation, fault)) continue;
        fired = true;
        faults++;
      } catch (error) {
        if (!(error instanceof SweepFailure)) throw error;
        failed.add(nameWay(way));
        onFailure(error);
        if (error.hung) throw error;
        fired = true;
      }
    }
    if (!fired) return { faults, requests: nth - 1, seconds: seconds() };
  }
}

/** How the Nth request of an operation fails. */
export function waysFor(
  operation: Pick<Operation, "lasts" | "parkedOnly">,
  nth: number,
  effort: Effort,
): readonly Way[] {
  if (operation.parkedOnly === true) {
    return unparkedWays(nth, effort).map((way) => ({ ...way, parks: true }));
  }
  const unparked = unparkedWays(nth, effort);
  if (effort === "thorough" && operation.lasts !== true) return [...unparked, parkedWay(nth)];
  return nth % 3 === 0 ? [...unparked, parkedWay(nth / 3)] : unparked;
}
