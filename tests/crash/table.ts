// SPDX-License-Identifier: GPL-2.0-only
//
// A table as an array: for each sector of main, where it is.
import { type Extent, hasSlot, shownAs } from "../../cli/metadata/extent.ts";
import type { PlaceName, PlaceRow } from "./marks.ts";

export interface Spot {
  readonly place: PlaceName;
  /** Sector of the spare range; -1 on main. */
  readonly slot: number;
}

export const ON_MAIN: Spot = { place: "main", slot: -1 };

export class Table {
  readonly spots: Spot[];
  /** Slots that are bad. */
  bad = 0;
  /** Sectors whose slot could not be read: lost, until it can be. */
  readonly unreadable = new Set<number>();

  constructor(sectors: number) {
    this.spots = Array.from({ length: sectors }, () => ON_MAIN);
  }

  static fromExtents(sectors: number, extents: Iterable<Extent>): Table {
    const table = new Table(sectors);
    for (const { first, length, slot, state } of extents) {
      if (state === "bad") table.bad += length;
      else {
        const place = shownAs(state) as Exclude<ReturnType<typeof shownAs>, "bad">;
        for (let index = 0; state === "unreadable" && index < length; index++) {
          table.unreadable.add(first + index);
        }
        table.put([first, length, place, hasSlot(state) ? slot : -1]);
      }
    }
    return table;
  }

  put([first, count, place, slot]: PlaceRow): void {
    for (let index = 0; index < count; index++) {
      this.spots[first + index] = slot < 0
        ? place === "main" ? ON_MAIN : { place, slot }
        : { place, slot: slot + index };
    }
  }
}

export function sameSpot(one: Spot, other: Spot): boolean {
  return one.place === other.place && one.slot === other.slot;
}

/** The same but for the slot: two spares have different ones. */
export function samePlace(one: Spot, other: Spot): boolean {
  return one.place === other.place && (one.slot < 0) === (other.slot < 0);
}

export function formatSpot({ place, slot }: Spot): string {
  return slot < 0 ? place : `${place} ${slot}`;
}

/** Where two tables differ, in words; nothing if they do not. */
export function difference(one: Table, other: Table, same = sameSpot): string | undefined {
  const sector = one.spots.findIndex((spot, at) => !same(spot, other.spots[at] ?? ON_MAIN));
  return sector < 0
    ? undefined
    : `sector ${sector} is ${formatSpot(one.spots[sector]!)} in the one, ` +
      `${formatSpot(other.spots[sector] ?? ON_MAIN)} in the other`;
}
