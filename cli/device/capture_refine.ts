// SPDX-License-Identifier: GPL-2.0-only
// The live table says less than the metadata: which slots are bad, and why a content is lost. What
// of the metadata agrees with the live table is taken from there. Pure functions.
import { type Extent, hasSlot, shownAs } from "../metadata/extent.ts";
import type { BadSlots, SnapshotEntry, SnapshotState } from "../store/types.ts";
import { ProtocolError } from "./errors.ts";
import type { Place } from "./messages.ts";
import type { RemapTable } from "./table_line.ts";

/** A line of `entries`; places on the spare count from the start of its range. */
export function asEntry(place: Place, { spareStart }: RemapTable): SnapshotEntry {
  const { sector, count, place: state, spareSector } = place;
  if (state === "main") throw new ProtocolError("a sector on main is in the list of the others");
  return {
    first: Number(sector),
    length: Number(count),
    state,
    slot: spareSector === undefined ? 0 : Number(spareSector - spareStart),
  };
}

/**
 * The live table in the states of the metadata. What the metadata does not confirm keeps a state
 * under which nothing wrong is ever read: with `verifyReads` what is shown as pending may have been
 * found to be wrong, and is taken for that.
 */
export function refine(
  live: readonly SnapshotEntry[],
  stored: Iterable<Extent>,
  verifyReads: boolean,
): { readonly entries: SnapshotEntry[]; readonly badSlots: BadSlots[] } {
  const entries: SnapshotEntry[] = [];
  const badSlots: BadSlots[] = [];
  const unconfirmed = (state: SnapshotState): SnapshotState =>
    state === "pending" && verifyReads ? "wrong" : state;
  const source = stored[Symbol.iterator]();
  let next = source.next();
  for (const run of live) {
    const end = run.first + run.length;
    let at = run.first;
    while (at < end) {
      while (!next.done && isBehind(next.value, at)) next = source.next();
      const extent = next.done || next.value.state === "bad" ? undefined : next.value;
      const to = extent === undefined ? end : cut(extent, at, end);
      const here = part(run, at, to - at);
      entries.push({ ...here, state: confirmed(here, extent) ?? unconfirmed(run.state) });
      at = to;
    }
  }
  for (; !next.done; next = source.next()) {
    if (next.value.state === "bad") pushSlots(badSlots, next.value);
  }
  return { entries, badSlots };
}

function isBehind({ state, first, length }: Extent, at: number): boolean {
  return state !== "bad" && first + length <= at;
}

/** How far from `at` on the same is true. */
function cut({ first, length }: Extent, at: number, end: number): number {
  return Math.min(end, first > at ? first : first + length);
}

function part(run: SnapshotEntry, first: number, length: number): SnapshotEntry {
  const slot = hasSlot(run.state) ? run.slot + (first - run.first) : 0;
  return { ...run, first, length, slot };
}

function confirmed(here: SnapshotEntry, extent: Extent | undefined): SnapshotState | undefined {
  if (extent === undefined || extent.first > here.first) return undefined;
  const { state } = extent;
  if (state === "bad" || state === "main" || shownAs(state) !== here.state) return undefined;
  const slot = hasSlot(state) ? extent.slot + (here.first - extent.first) : 0;
  return slot === here.slot ? state : undefined;
}

/** A stored table, whole: its entries, and its bad slots. */
export function splitTable(
  extents: Iterable<Extent>,
): { readonly entries: SnapshotEntry[]; readonly badSlots: BadSlots[] } {
  const entries: SnapshotEntry[] = [];
  const badSlots: BadSlots[] = [];
  for (const { first, length, slot, state } of extents) {
    if (state === "bad") pushSlots(badSlots, { slot, length });
    else if (state !== "main") entries.push({ first, length, slot, state });
  }
  return { entries, badSlots };
}

/** Neighbours become one. */
function pushSlots(slots: BadSlots[], { slot, length }: BadSlots): void {
  const last = slots.at(-1);
  if (last !== undefined && last.slot + last.length === slot) {
    slots[slots.length - 1] = { slot: last.slot, length: last.length + length };
  } else slots.push({ slot, length });
}
