// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import type { Extent } from "../../metadata/extent.ts";
import { BLOCK_SIZE } from "../../metadata/format.ts";
import { MemoryImage } from "../../metadata/image.ts";
import { layoutOf } from "../../metadata/layout.ts";
import { loadMetadata, MetadataError } from "../../metadata/load.ts";
import { formatMetadata, writeMetadata } from "../../metadata/write.ts";
import { hasSwitched, retireTable, switchMain } from "./carry_over.ts";
import { RangeSet } from "./range_set.ts";

const GEOMETRY = {
  blockSectors: 1,
  mainStart: 0,
  mainSectors: 100_000,
  mainDeviceSectors: 100_000,
  spareStart: 0,
  spareSectors: 8192,
  spareDeviceSectors: 8192,
};
const { slotsStart } = layoutOf(GEOMETRY.spareSectors, GEOMETRY.blockSectors);
const OLD: readonly Extent[] = [
  { first: 100, length: 8, slot: slotsStart, state: "remapped" },
  { first: 500, length: 2, slot: slotsStart + 20, state: "lost" },
  { first: 900, length: 4, slot: 0, state: "pending" },
  { first: 0, length: 1, slot: slotsStart + 50, state: "bad" },
];
const NEW = { mainId: "serial:new", mainStart: 64, mainDeviceSectors: 200_000 };
const MISSING = new RangeSet([{ first: 500, end: 502 }, { first: 900, end: 904 }]);

/** Keeps every write, to be played back in part. */
class RecordingImage extends MemoryImage {
  readonly writes: { readonly offset: number; readonly bytes: Uint8Array }[] = [];

  override write(offset: number, bytes: Uint8Array): void {
    this.writes.push({ offset, bytes: bytes.slice() });
    super.write(offset, bytes);
  }
}

/** A spare with a history: the superblock that counts is A or B. */
function spare(checkpoints: number): RecordingImage {
  const image = new MemoryImage(GEOMETRY.spareSectors * 512);
  const label = { name: "r0", mainId: "serial:old" };
  let superblock = formatMetadata(image, GEOMETRY, label);
  for (let i = 0; i < checkpoints; i++) {
    superblock = writeMetadata(image, { ...superblock, args: "0", name: "r0" }, OLD);
  }
  return new RecordingImage(image.bytes.slice());
}

/** Whose disk is main, and what the table says of it; `undefined` where nothing is loaded. */
function meaning(bytes: Uint8Array<ArrayBuffer>): { main: string; states: string } | undefined {
  try {
    const { superblock, extents } = loadMetadata(new MemoryImage(bytes));
    const states = [...extents()].map(({ first, state }) => `${first} ${state}`).join(", ");
    return { main: superblock.mainId, states };
  } catch (error) {
    if (error instanceof MetadataError) return undefined;
    throw error;
  }
}

const OLD_MEANING = {
  main: "serial:old",
  states: "100 remapped, 500 lost, 900 pending, 0 bad",
};
const NEW_MEANING = { main: "serial:new", states: "500 wrong, 900 wrong, 0 bad" };

/** After each write, and with the next one torn at each sector: what a crash leaves. */
function* crashes(before: Uint8Array, { writes }: RecordingImage) {
  const bytes = before.slice();
  for (const { offset, bytes: written } of writes) {
    const isSuperblock = offset < 2 * BLOCK_SIZE;
    for (let torn = 512; torn < written.length && isSuperblock; torn += 512) {
      const state = bytes.slice();
      state.set(written.subarray(0, torn), offset);
      yield { torn: true, state };
    }
    bytes.set(written, offset);
    yield { torn: false, state: bytes.slice() };
  }
}

Deno.test("a crash in the switch leaves the old table of the old disk, or the new of the new", () => {
  for (const checkpoints of [1, 2, 3]) {
    const image = spare(checkpoints);
    const before = image.bytes.slice();
    assert.deepEqual(meaning(before), OLD_MEANING);
    const old = loadMetadata(image);
    assert.equal(hasSwitched(image, old.superblock), false);
    switchMain(image, old, NEW, MISSING);
    assert.equal(hasSwitched(image, old.superblock), true);
    const seen = new Set<string>();
    for (const { torn, state } of crashes(before, image)) {
      const is = meaning(state);
      if (is === undefined && torn) continue;
      assert.ok(is !== undefined, "nothing is loaded any more");
      assert.deepEqual(is, is.main === "serial:old" ? OLD_MEANING : NEW_MEANING);
      // Once it has switched there is no way back.
      assert.ok(is.main === "serial:new" || !seen.has("serial:new"));
      if (!torn) seen.add(is.main);
    }
    assert.deepEqual(meaning(image.bytes), NEW_MEANING);
    const { superblock } = loadMetadata(image);
    assert.deepEqual(
      [superblock.mainStart, superblock.mainDeviceSectors, superblock.name, superblock.uuid],
      [64, 200_000, "r0", old.superblock.uuid],
    );
  }
});

Deno.test("a superblock that is lost while it is written makes no new table of the old disk", () => {
  for (const checkpoints of [1, 2, 3]) {
    const image = spare(checkpoints);
    const state = image.bytes.slice();
    switchMain(image, loadMetadata(image), NEW, MISSING);
    const commit = image.writes.findIndex(({ offset }) => offset < 2 * BLOCK_SIZE);
    for (const { offset, bytes } of image.writes.slice(0, commit)) state.set(bytes, offset);
    assert.deepEqual(meaning(state), OLD_MEANING);
    const { offset } = image.writes[commit]!;
    state.fill(1, offset, offset + BLOCK_SIZE);
    const is = meaning(state);
    if (is !== undefined) assert.deepEqual(is, OLD_MEANING);
  }
});

Deno.test("a table that was retired is loaded by nobody, from the first write on", () => {
  for (const checkpoints of [1, 2]) {
    const image = spare(checkpoints);
    const before = image.bytes.slice();
    const old = loadMetadata(image);
    retireTable(image, old, NEW);
    assert.equal(hasSwitched(image, old.superblock), true);
    for (const { torn, state } of crashes(before, image)) {
      if (!torn) assert.equal(meaning(state), undefined);
    }
  }
});
