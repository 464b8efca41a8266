// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { checkMetadata } from "../metadata/check.ts";
import { MemoryImage } from "../metadata/image.ts";
import { loadMetadata } from "../metadata/load.ts";
import { contentOf, DEVICE, snapshotAt, TestFolder } from "../store/fixture.ts";
import { openStore } from "../store/open.ts";
import type { SlotData, Store } from "../store/types.ts";
import { badSlotsOf, carryOut, decideFates, type Fates, type Job } from "./job.ts";
import { place } from "./place.ts";
import type { Witness } from "./witness.ts";

const RANGE = { spareSectors: 4096, blockSectors: 1 };
const GROUND = { spareStart: 0, spareSectors: 4096, spareDeviceSectors: 4096 };
const IDENTITY = {
  ...DEVICE,
  ...{ mainStart: 0, mainSectors: 65_536, mainDeviceSectors: 65_536 },
  ...{ spareSectors: 4096, spareDeviceSectors: 4096 },
};
const RUN = { first: 8, length: 8, state: "remapped", slot: 3000 } as const;

async function fatesOf(store: Store, trustSlots: boolean): Promise<Fates> {
  const head = await store.takeSnapshot(snapshotAt(0, { device: IDENTITY, withData: true }), {
    entries: [RUN],
    data: [contentOf(RUN.first, RUN.length)],
  });
  return await decideFates(store, head, [], { named: [], trustSlots });
}

function jobOf(store: Store, fates: Fates, image: MemoryImage, inPlace: boolean): Job {
  const placement = place(fates.decisions, RANGE, { inPlace, bad: [] })!;
  const write = inPlace ? "table" : "new";
  return { store, fates, image, ground: GROUND, placement, write };
}

/** Looks at the image before every write. */
class WatchedImage extends MemoryImage {
  blank = 0;
  /** What whoever came in between would be told, in its order. */
  readonly told: (string | undefined)[] = [];

  override write(offset: number, bytes: Uint8Array): void {
    const code = checkMetadata(this).problems[0]?.code;
    if (code === "blank") this.blank++;
    if (this.told.at(-1) !== code) this.told.push(code);
    super.write(offset, bytes);
  }
}

Deno.test("a table that is written to zeroes does not look like a new spare once it is begun", async () => {
  using folder = new TestFolder();
  using store = openStore(folder.file(), { create: true });
  const image = new WatchedImage(RANGE.spareSectors * 512);
  const { superblock } = await carryOut(jobOf(store, await fatesOf(store, true), image, true), {});
  // Before the first write, and never again.
  assert.equal(image.blank, 1);
  assert.equal(superblock.uuid, DEVICE.uuid);
  assert(superblock.generation > snapshotAt(0).generation);
  assert.deepEqual([...loadMetadata(image).extents()], [RUN]);
});

Deno.test("a new spare is refused as unfinished from the first write to the last but one", async () => {
  using folder = new TestFolder();
  using store = openStore(folder.file(), { create: true });
  const image = new WatchedImage(RANGE.spareSectors * 512);
  const { superblock } = await carryOut(
    jobOf(store, await fatesOf(store, false), image, false),
    {},
  );
  assert.deepEqual(image.told.slice(0, 2), ["blank", "unfinished"]);
  assert.equal(image.told.slice(1).includes("blank"), false);
  assert.deepEqual(checkMetadata(image).problems, []);
  assert.deepEqual([superblock.linkedUuid, superblock.incompat], [DEVICE.uuid, 0]);
});

Deno.test("a table that takes the place of another is later than all that anybody has seen", async () => {
  using folder = new TestFolder();
  using store = openStore(folder.file(), { create: true });
  const fates = await fatesOf(store, true);
  const seen = [7, 4711, 12].map((generation) => ({ generation } as Witness));
  const image = new MemoryImage(RANGE.spareSectors * 512);
  const job = jobOf(store, { ...fates, witnesses: seen }, image, true);
  const { superblock } = await carryOut(job, {});
  assert(superblock.generation > 4711, `generation ${superblock.generation}`);
});

Deno.test("slots that are trusted and cannot be read are lost", async () => {
  using folder = new TestFolder();
  using store = openStore(folder.file(), { create: true });
  const image = new MemoryImage(RANGE.spareSectors * 512);
  const pieces: SlotData[] = [contentOf(8, 2), contentOf(11, 5)];
  const fates = await fatesOf(store, true);
  const { missing } = await carryOut(
    { ...jobOf(store, fates, image, false), kept: () => pieces },
    {},
  );
  assert.deepEqual(missing, [{ first: 10, length: 1 }]);
  const table = [...loadMetadata(image).extents()];
  assert.deepEqual(table.map(({ first, length, state }) => [first, length, state]), [
    [8, 2, "remapped"],
    [10, 1, "lost"],
    [11, 5, "remapped"],
  ]);
  const read = (at: number) =>
    image.read((table[at]?.slot ?? 0) * 512, (table[at]?.length ?? 0) * 512);
  assert.deepEqual([read(0), read(2)], [contentOf(8, 2).bytes, contentOf(11, 5).bytes]);
});

Deno.test("bad slots of several lists become one list", () => {
  const lists = [[{ slot: 10, length: 5 }, { slot: 30, length: 1 }], [{ slot: 12, length: 8 }]];
  assert.deepEqual(badSlotsOf(lists), [{ slot: 10, length: 10 }, { slot: 30, length: 1 }]);
  assert.deepEqual(badSlotsOf([]), []);
  const within = [[{ slot: 10, length: 20 }], [{ slot: 12, length: 2 }, { slot: 30, length: 4 }]];
  assert.deepEqual(badSlotsOf(within), [{ slot: 10, length: 24 }]);
});
