// SPDX-License-Identifier: GPL-2.0-only
import { EntryChecker } from "./entry.ts";
import { MAX_SECTORS } from "./format.ts";

/**
 * - `main`: back on main, readable as far as is known (in the journal only)
 * - `remapped`: relocated
 * - `lost`: relocated; its content could not be read and was not rewritten
 * - `pending`: on main, which could not read it
 * - `unreadable`: relocated; its slot could not be read
 * - `bad`: slots that are never used again; `first` is 0
 * - `wrong`: on main, which gave something else than was written
 * - `wrong_slot`: relocated; its slot gave something else than was written
 */
export type ExtentState =
  | "main"
  | "remapped"
  | "lost"
  | "pending"
  | "unreadable"
  | "bad"
  | "wrong"
  | "wrong_slot";

/** In the order of their numbers on disk. */
export const EXTENT_STATES: readonly ExtentState[] = [
  "main",
  "remapped",
  "lost",
  "pending",
  "unreadable",
  "bad",
  "wrong",
  "wrong_slot",
];

/** An entry, unpacked. All in sectors. */
export interface Extent {
  /** Sector of the target. */
  readonly first: number;
  readonly length: number;
  /** Sector of the spare range, 0 for what lies on main. */
  readonly slot: number;
  readonly state: ExtentState;
}

/** Does a sector in this state live in a slot? */
export function hasSlot(state: ExtentState): boolean {
  return state !== "main" && state !== "pending" && state !== "wrong";
}

/** The word for a state in the kernel's replies, which say less than the disk. */
export function shownAs(state: ExtentState): "main" | "remapped" | "lost" | "pending" | "bad" {
  if (state === "unreadable" || state === "wrong_slot") return "lost";
  return state === "wrong" ? "pending" : state;
}

const HIGH = 2 ** 32;

/**
 * @throws {RangeError} for numbers that do not fit
 */
export function packExtent(view: DataView, offset: number, extent: Extent): void {
  const { first, length, slot, state } = extent;
  for (const sector of [first, slot]) {
    if (!Number.isInteger(sector) || sector < 0 || sector >= MAX_SECTORS) {
      throw new RangeError(`sector ${sector} does not fit into an entry`);
    }
  }
  if (!Number.isInteger(length) || length < 0 || length > 0xffff) {
    throw new RangeError(`a run of ${length} sectors does not fit into an entry`);
  }
  view.setUint32(offset, first % HIGH, true);
  view.setUint16(offset + 4, Math.floor(first / HIGH), true);
  view.setUint16(offset + 6, length, true);
  view.setUint32(offset + 8, slot % HIGH, true);
  view.setUint16(offset + 12, Math.floor(slot / HIGH), true);
  view.setUint16(offset + 14, EXTENT_STATES.indexOf(state), true);
}

/** `undefined` if its state has no name. */
export function unpackExtent(view: DataView, offset: number): Extent | undefined {
  const state = EXTENT_STATES[view.getUint16(offset + 14, true)];
  if (state === undefined) return undefined;
  return {
    first: view.getUint32(offset, true) + view.getUint16(offset + 4, true) * HIGH,
    length: view.getUint16(offset + 6, true),
    slot: view.getUint32(offset + 8, true) + view.getUint16(offset + 12, true) * HIGH,
    state,
  };
}

/** What an extent must stay inside of; a superblock has it all. */
export interface Bounds {
  readonly blockSectors: number;
  readonly mainSectors: number;
  readonly spareSectors: number;
}

export type EntrySource = "checkpoint" | "journal";

/**
 * What is wrong with an entry, `undefined` if nothing is: the same as `remap_extent_check()`.
 */
export function extentProblem(
  bounds: Bounds,
  extent: Extent | undefined,
  from: EntrySource,
): string | undefined {
  if (extent === undefined) return "entry of unknown state";
  const { first, length, slot, state } = extent;
  return new EntryChecker(bounds, from).problem(first, length, slot, EXTENT_STATES.indexOf(state));
}
