// SPDX-License-Identifier: GPL-2.0-only
// Sectors whose slot went to another sector, where the table that says so does not say where they
// are now.
import { hasSlot } from "../metadata/extent.ts";
import { mark, type Track } from "./track.ts";
import type { Knowledge, Span } from "./types.ts";
import { zip } from "./zip.ts";

/** Marks the sectors that had a slot which is somebody else's by now. */
export function loseTaken(
  tracks: readonly Track[],
  { kinship, entries }: Knowledge,
  index: number,
): Track[] {
  if (kinship !== "same") return [...tracks];
  const then = bySlot(
    tracks.filter(({ was }) => hasSlot(was)).map((track) => ({
      ...{ first: track.wasSlot, length: track.length, sector: track.first },
    })),
  );
  const now = bySlot(
    [...entries].filter(({ state }) => hasSlot(state)).map(({ first, length, slot }) => ({
      ...{ first: slot, length, sector: first },
    })),
  );
  const taken: Span[] = [];
  for (const { first, length, a, b } of zip(then, now)) {
    if (a === undefined || b === undefined) continue;
    const sector = a.sector + first - a.first;
    if (sector !== b.sector + first - b.first) taken.push({ first: sector, length });
  }
  taken.sort((a, b) => a.first - b.first);
  return mark(
    tracks,
    taken,
    (track) => track.doubt === undefined ? { doubt: "slot-taken", doubtBy: index } : {},
  );
}

interface SlotRun extends Span {
  readonly sector: number;
}

function bySlot(runs: SlotRun[]): SlotRun[] {
  return runs.sort((a, b) => a.first - b.first);
}
