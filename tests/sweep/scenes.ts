// SPDX-License-Identifier: GPL-2.0-only
//
// What operations have in common: where they happen, and what meets them while a fault waits.
import type { RemapFeatures } from "../../cli/device/table_line.ts";
import type { Range } from "../suite/guest/range.ts";
import { contract } from "../model/promises.ts";
import { within } from "./time.ts";
import type { Trial } from "./trial.ts";

export interface Operation {
  readonly name: string;
  readonly features?: RemapFeatures;
  /** With metadata: the table lasts. */
  readonly lasts?: boolean;
  /** Only faults that wait until {@linkcode meanwhile} has begun make sense. */
  readonly parkedOnly?: boolean;
  /** On the fresh device, before the fault is armed. */
  readonly prepare?: (trial: Trial) => void | Promise<void>;
  readonly run: (trial: Trial) => Promise<void>;
  /** While the fault waits; users' I/O to the same sectors unless told otherwise. */
  readonly meanwhile?: (trial: Trial) => Promise<unknown>[];
  /** In the short selection for slow kernels. */
  readonly short?: boolean;
}

/** Where it happens: unaligned, with neighbours on both sides. */
export const SPAN: Range = { first: 99, count: 6 };
export const INSIDE: Range = { first: 101, count: 2 };
export const AROUND: Range = { first: 97, count: 10 };
export const OUTSIDE: Range = { first: 200, count: 5 };
/** More than a copy moves in one step. */
export const LARGE: Range = { first: 60, count: 130 };

export function usersMeanwhile(trial: Trial): Promise<unknown>[] {
  const status = Promise.try(() => trial.rig.target.status());
  return [
    trial.write(INSIDE),
    trial.read(AROUND),
    trial.write(OUTSIDE, { fua: true }),
    status,
    within(trial.rig.target.stats(), "stats while a request waits"),
  ];
}

/** The move that is under way is told to stop, and ends. */
export function suspendMeanwhile(trial: Trial): Promise<unknown>[] {
  const suspended = within(trial.rig.suspend(), "suspend")
    .then(() => contract(trial.rig.dm.info(trial.rig.name)?.suspended === true, "not suspended"))
    .then(() => trial.rig.resume());
  return [suspended, trial.write(OUTSIDE)];
}

export function remapSpan(trial: Trial): Promise<void> {
  return trial.remap([SPAN]);
}

export async function losePart(trial: Trial): Promise<void> {
  trial.spoilMain("read", { first: 102, count: 1 }, "medium");
  await trial.remap([SPAN]);
}
