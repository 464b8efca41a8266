// SPDX-License-Identifier: GPL-2.0-only
//
// What may have happened to a device: random days of its life, and the metadata that they left.
import * as fc from "fast-check";
import type { Extent, ExtentState } from "../../../cli/metadata/extent.ts";
import { type CheckpointEnd, type Geometry, Writer } from "./writer.ts";

/** A change to come: what it is applied to is only known when it comes. */
interface Change {
  readonly kind: "relocate" | "lose" | "pend" | "give up" | "doubt" | "return" | "spoil";
  /** Which sector, and how many. */
  readonly where: number;
  readonly units: number;
  readonly slot: number;
}

export type Day =
  | { readonly type: "commit"; readonly changes: readonly Change[]; readonly perBlock: number }
  | { readonly type: "checkpoint"; readonly perBlock: number; readonly end: CheckpointEnd }
  /** The machine stops in the middle of a transaction, and the device starts again. */
  | { readonly type: "crash"; readonly changes: readonly Change[]; readonly written: number }
  /** The journal cannot be written once. */
  | { readonly type: "failure"; readonly changes: readonly Change[]; readonly landed: boolean }
  | { readonly type: "mend" };

export interface History {
  readonly geometry: Geometry;
  readonly days: readonly Day[];
}

export const UUID = "6d1f0f3a-58c5-4d0c-9a61-02f1c8a6e3b7";
export const OTHER_UUID = "0b9d2c44-1111-4222-8333-a5a5a5a5a5a5";

const geometry: fc.Arbitrary<Geometry> = fc.record({
  uuid: fc.constant(UUID),
  blockSectors: fc.constantFrom(1, 1, 1, 2, 8),
  mainSectors: fc.constantFrom(64, 1024, 1 << 20, 2 ** 48),
  spareSectors: fc.constantFrom(200, 256, 333, 512, 1000),
}).map((at) => at.blockSectors === 8 ? { ...at, spareSectors: at.spareSectors & ~7 } : at);

const change: fc.Arbitrary<Change> = fc.record({
  kind: fc.constantFrom(
    "relocate",
    "relocate",
    "relocate",
    "lose",
    "pend",
    "give up",
    "doubt",
    "return",
    "spoil",
  ),
  where: fc.nat(40),
  units: fc.integer({ min: 1, max: 4 }),
  slot: fc.nat(200),
});

const changes = fc.array(change, { minLength: 1, maxLength: 8 });
const perBlock = fc.constantFrom(1, 2, 3, 252);

const day: fc.Arbitrary<Day> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant("commit" as const), changes, perBlock }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("checkpoint" as const),
      perBlock,
      end: fc.constantFrom<CheckpointEnd>(
        "done",
        "done",
        "no superblock",
        "no superblock",
        "some blocks",
        "torn superblock",
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant("crash" as const), changes, written: fc.nat(3) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("failure" as const),
      changes,
      landed: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("mend" as const) }) },
);

export function historyOf(geometry: fc.Arbitrary<Geometry>): fc.Arbitrary<History> {
  return fc.record({ geometry, days: fc.array(day, { maxLength: 12 }) });
}

export const history = historyOf(geometry);

/** The first and the last sectors of main: that is where mistakes are. */
function sectorOf(where: number, { mainSectors, blockSectors }: Geometry): number {
  const units = mainSectors / blockSectors;
  const unit = where < 32 ? where % units : units - 1 - (where - 32) % units;
  return unit * blockSectors;
}

function extentsOf(writer: Writer, { kind, where, units, slot }: Change): Extent[] {
  const { blockSectors: unit, mainSectors } = writer.geometry;
  const { slotsStart, slots } = writer.layout;
  const first = sectorOf(where, writer.geometry);
  const length = Math.min(units * unit, mainSectors - first);
  const taken = writer.table.taken();
  const free = (count: number) => {
    const start = slotsStart + (slot * unit) % slots;
    for (let at = start; at + count <= slotsStart + slots; at += unit) {
      if (Array.from({ length: count }, (_, index) => at + index).every((at) => !taken.has(at))) {
        return at;
      }
    }
    return undefined;
  };
  const relocate = (state: ExtentState): Extent[] => {
    const at = free(length);
    return at === undefined ? [] : [{ first, length, slot: at, state }];
  };
  switch (kind) {
    case "relocate":
      return relocate("remapped");
    case "lose":
      return relocate("lost");
    case "pend":
      return [{ first, length, slot: 0, state: "pending" }];
    case "doubt":
      return slot % 2 === 0 ? relocate("wrong_slot") : [{ first, length, slot: 0, state: "wrong" }];
    case "return":
      return [{ first, length, slot: 0, state: "main" }];
    case "spoil": {
      const at = free(unit);
      return at === undefined ? [] : [{ first: 0, length: unit, slot: at, state: "bad" }];
    }
    case "give up": {
      const place = writer.table.at(first);
      if (place?.state !== "remapped") return relocate("unreadable");
      return [{ first, length: unit, slot: place.slot, state: "unreadable" }];
    }
  }
}

/** One of a sector and one of a slot: each sees the table as it is before all of them. */
function transaction(writer: Writer, changes: readonly Change[]): Extent[] {
  const overlap = (one: Extent, other: Extent) =>
    (one.state !== "bad" && other.state !== "bad" && one.first < other.first + other.length &&
      other.first < one.first + one.length) ||
    (one.slot !== 0 && other.slot !== 0 && one.slot < other.slot + other.length &&
      other.slot < one.slot + one.length);
  const extents: Extent[] = [];
  for (const extent of changes.flatMap((change) => extentsOf(writer, change))) {
    if (!extents.some((other) => overlap(extent, other))) extents.push(extent);
  }
  return extents;
}

/** The metadata that is left at the end. */
export function live({ geometry, days }: History): Writer {
  const writer = new Writer(geometry);
  for (const day of days) {
    writer.settle();
    if (day.type === "mend") {
      writer.mend();
      continue;
    }
    if (day.type === "checkpoint") {
      writer.checkpoint(day.perBlock, day.end);
      continue;
    }
    const changes = transaction(writer, day.changes);
    if (day.type === "commit") writer.commit(changes, day.perBlock);
    else if (day.type === "failure") writer.fail(changes, day.landed);
    else {
      writer.tear(changes, 1, day.written);
      // Nothing that was replayed or cut off stays in the journal.
      writer.checkpoint(252);
    }
  }
  return writer;
}
