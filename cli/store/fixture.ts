// SPDX-License-Identifier: GPL-2.0-only
// Snapshots for tests.
import fc from "fast-check";
import { hasSlot } from "../metadata/extent.ts";
import { SNAPSHOT_STATES } from "./canonical.ts";
import type { BadSlots, NewSnapshot, SlotData, SnapshotEntry } from "./types.ts";

export const DEVICE = {
  name: "r0",
  uuid: "01234567-89ab-cdef-0123-456789abcdef",
  mainId: "wwn:0x5000c500a1b2c3d4",
  mainPath: "/dev/sdb",
  mainStart: 2048,
  mainSectors: 2 ** 40,
  mainDeviceSectors: 2 ** 40 + 4096,
  blockSectors: 1,
  sparePath: "/dev/sdc",
  spareStart: 0,
  spareSectors: 2 ** 24,
  spareDeviceSectors: 2 ** 24,
  args: "retries 5",
} as const;

export const SNAPSHOT: NewSnapshot = {
  device: DEVICE,
  takenAt: "2026-11-23T03:00:00.000Z",
  reason: "before the new spare",
  source: "live",
  generation: 7,
  tableChanges: 12,
  health: "good",
  counters: { remapped_sectors: 9n, read_errors: 2n ** 60n },
  host: "box",
  toolVersion: "3.1.0",
  moduleVersion: "3.1.0",
  withData: false,
};

/** The same, so many minutes later. */
export function snapshotAt(minutes: number, changes: Partial<NewSnapshot> = {}): NewSnapshot {
  const takenAt = new Date(Date.parse(SNAPSHOT.takenAt) + minutes * 60_000).toISOString();
  return { ...SNAPSHOT, takenAt, ...changes };
}

export const SLOTS = 4096;

export const ENTRIES: readonly SnapshotEntry[] = [
  { first: 0, length: 4, state: "remapped", slot: SLOTS },
  { first: 8, length: 2, state: "lost", slot: SLOTS + 8 },
  { first: 10, length: 1, state: "pending", slot: 0 },
  { first: 2 ** 39, length: 200, state: "remapped", slot: SLOTS + 16 },
];

export const BAD_SLOTS: readonly BadSlots[] = [{ slot: 9000, length: 3 }];

/** Sectors that tell where they belong. */
export function contentOf(first: number, length: number, seed = 0): SlotData {
  const bytes = new Uint8Array(length * 512);
  for (let at = 0; at < bytes.length; at++) bytes[at] = (first + (at >> 5) + seed) & 0xff;
  return { first, length, bytes };
}

export const DATA: readonly SlotData[] = [
  contentOf(0, 4),
  contentOf(2 ** 39, 128),
  contentOf(2 ** 39 + 128, 72),
];

/** Tables of a few sectors close to each other, so that much touches. Slots are used once. */
export function anyEntries(): fc.Arbitrary<SnapshotEntry[]> {
  const run = fc.record({
    gap: fc.nat({ max: 3 }),
    length: fc.integer({ min: 1, max: 4 }),
    state: fc.constantFrom(...SNAPSHOT_STATES),
    slot: fc.nat({ max: 3 }),
  });
  return fc.array(run, { maxLength: 12 }).map((runs) => {
    let [first, free] = [0, SLOTS];
    return runs.map(({ gap, length, state, slot }) => {
      first += gap;
      free += slot;
      const entry = { first, length, state, slot: hasSlot(state) ? free : 0 };
      first += length;
      free += length;
      return entry;
    });
  });
}

/** A folder that is gone afterwards. */
export class TestFolder implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "dmremap-store-" });

  file(name = "snapshots.db"): string {
    return `${this.path}/${name}`;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}
