// SPDX-License-Identifier: GPL-2.0-only
// The table of a device, as the target tells it and as its metadata tells it, in the same words.
import { type Extent, hasSlot, shownAs } from "../../../metadata/extent.ts";
import { type Layout, layoutOf } from "../../../metadata/layout.ts";
import { loadMetadata, type Metadata } from "../../../metadata/load.ts";
import { MemoryImage } from "../../../metadata/image.ts";
import type { Rig } from "../../rig.ts";

/** Everything that has to outlive a device, counted in sectors. */
export interface TableView {
  /** `300+4 remapped 1024`, `400+2 pending`: what is not simply on main, in order. */
  readonly places: readonly string[];
  readonly remapped: number;
  readonly lost: number;
  readonly pending: number;
  readonly badSlots: number;
  readonly usedSlots: number;
  readonly slots: number;
}

interface Run {
  readonly first: number;
  readonly count: number;
  readonly place: string;
  readonly slot: number | undefined;
}

export function layoutOn(spareSectors: number, blockSize: number): Layout {
  return layoutOf(spareSectors, blockSize / 512);
}

export async function liveView(rig: Rig): Promise<TableView> {
  const places = (await rig.places()).filter(({ place }) => place !== "main");
  const status = rig.status();
  return {
    places: describeRuns(places.map(({ sector, count, place, spareSector }) => ({
      first: Number(sector),
      count: Number(count),
      place,
      slot: spareSector === undefined ? undefined : Number(spareSector),
    }))),
    remapped: Number(status.remapped),
    lost: Number(status.lost),
    pending: Number(status.pending),
    badSlots: Number(status.spareBad),
    usedSlots: Number(status.spareUsed),
    slots: Number(status.spareTotal),
  };
}

/** What the metadata on a spare say. */
export function metadataIn(spare: Uint8Array<ArrayBuffer>): Metadata {
  return loadMetadata(new MemoryImage(spare));
}

export function viewIn(spare: Uint8Array<ArrayBuffer>): TableView {
  return viewOf(metadataIn(spare));
}

export function viewOf(metadata: Metadata): TableView {
  const { spareStart, spareSectors, blockSectors } = metadata.superblock;
  const extents = [...metadata.extents()];
  const mapped = extents.filter(({ state }) => state !== "bad");
  const relocated = sum(mapped.filter(({ state }) => hasSlot(state)));
  const pending = sum(mapped.filter(({ state }) => !hasSlot(state)));
  const badSlots = sum(extents.filter(({ state }) => state === "bad"));
  return {
    places: describeRuns(mapped.map(({ first, length, slot, state }) => ({
      first,
      count: length,
      place: shownAs(state),
      slot: hasSlot(state) ? slot + spareStart : undefined,
    }))),
    remapped: relocated,
    lost: pending + sum(mapped.filter(({ state }) => shownAs(state) === "lost")),
    pending,
    badSlots,
    usedSlots: relocated + badSlots,
    slots: layoutOf(spareSectors, blockSectors).slots,
  };
}

function sum(extents: readonly Extent[]): number {
  return extents.reduce((all, { length }) => all + length, 0);
}

/** Neighbours that go on where the last one ends are one run: how it is cut does not matter. */
export function describeRuns(runs: readonly Run[]): string[] {
  const merged: Run[] = [];
  for (const run of runs) {
    const last = merged.at(-1);
    const goesOn = last !== undefined && last.place === run.place &&
      last.first + last.count === run.first &&
      (last.slot === undefined ? undefined : last.slot + last.count) === run.slot;
    if (goesOn) merged[merged.length - 1] = { ...last, count: last.count + run.count };
    else merged.push(run);
  }
  return merged.map(({ first, count, place, slot }) =>
    `${first}+${count} ${place}${slot === undefined ? "" : ` ${slot}`}`
  );
}
