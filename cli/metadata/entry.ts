// SPDX-License-Identifier: GPL-2.0-only
// Entries as numbers: what runs a million times makes no objects.
import type { Bounds, EntrySource } from "./extent.ts";
import { layoutOf } from "./layout.ts";

/** The states by their numbers on disk. */
export const MAIN = 0;
export const REMAPPED = 1;
export const LOST = 2;
export const PENDING = 3;
export const UNREADABLE = 4;
export const BAD = 5;
export const WRONG = 6;
export const WRONG_SLOT = 7;
export const STATES = 8;

/** Does a sector in this state live in a slot? */
export function stateHasSlot(state: number): boolean {
  return state !== MAIN && state !== PENDING && state !== WRONG;
}

/** Sectors in each state. */
export interface Totals {
  remapped: number;
  /** Of these; their content is not to be had. */
  lost: number;
  pending: number;
  bad: number;
}

/** Counts an entry as the kernel counts it. */
export function addToTotals(totals: Totals, length: number, state: number): void {
  if (state === BAD) totals.bad += length;
  else if (state === PENDING || state === WRONG) totals.pending += length;
  else if (state !== MAIN) {
    totals.remapped += length;
    if (state !== REMAPPED) totals.lost += length;
  }
}

/** Takes an entry at a time and says what is wrong with it in itself. */
export class EntryChecker {
  readonly #misaligned: number;
  readonly #mainSectors: number;
  readonly #slotsStart: number;
  readonly #slotsEnd: number;
  readonly #firstState: number;

  constructor(bounds: Bounds, from: EntrySource) {
    const { slotsStart, slots } = layoutOf(bounds.spareSectors, bounds.blockSectors);
    this.#misaligned = bounds.blockSectors - 1;
    this.#mainSectors = bounds.mainSectors;
    this.#slotsStart = slotsStart;
    this.#slotsEnd = slotsStart + slots;
    this.#firstState = from === "journal" ? MAIN : REMAPPED;
  }

  /** `undefined`, or what is wrong: the same as `remap_extent_check()`. */
  problem(first: number, length: number, slot: number, state: number): string | undefined {
    if (state >= STATES || state < this.#firstState) return "entry of unknown state";
    if (length === 0 || ((first | length | slot) & this.#misaligned) !== 0) {
      return "entry is not whole logical blocks";
    }
    if (state === BAD) {
      if (first !== 0) return "bad slots with a sector of main";
    } else if (first + length > this.#mainSectors) return "entry past the end of main";
    if (!stateHasSlot(state)) {
      return slot === 0 ? undefined : "slot for a sector on main";
    }
    if (slot < this.#slotsStart || slot + length > this.#slotsEnd) return "slot out of range";
    return undefined;
  }
}

/** Takes the entries of a checkpoint one after the other. */
export class OrderChecker {
  #end = 0;
  #wasBad = false;

  /** `undefined`, or what is wrong: the same as `remap_extent_follows()`. */
  problem(first: number, length: number, slot: number, bad: boolean): string | undefined {
    let problem: string | undefined;
    if (this.#wasBad && !bad) problem = "sectors behind the bad slots";
    else if (bad ? this.#wasBad && slot < this.#end : first < this.#end) {
      problem = "entries overlap or do not ascend";
    }
    this.#wasBad = bad;
    this.#end = (bad ? slot : first) + length;
    return problem;
  }
}
