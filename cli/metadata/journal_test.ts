// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { encodeHeader, sealBlock, viewOf } from "./block.ts";
import { type Extent, packExtent } from "./extent.ts";
import { FakeKernel, GEOMETRY, UUID } from "./fake_kernel.ts";
import { Findings } from "./findings.ts";
import { BLOCK_SIZE, FLAG_LAST, FORMAT_VERSION, HEADER_SIZE } from "./format.ts";
import { MemoryImage } from "./image.ts";
import { readJournal } from "./journal.ts";
import { layoutOf } from "./layout.ts";
import { loadMetadata } from "./load.ts";
import { PackedTable } from "./packed_table.ts";
import { encodeSuperblock } from "./superblock.ts";

const pending = (first: number): Extent => ({ first, length: 1, slot: 0, state: "pending" });

Deno.test("sectors behind the first two tebibytes are where they are, in both lists", () => {
  const sectors = 2 ** 40;
  const k = new FakeKernel({ ...GEOMETRY, mainSectors: sectors, mainDeviceSectors: sectors });
  k.checkpoint([pending(5), pending(2 ** 33 + 5)]);
  k.commit([pending(2 ** 35 + 7), pending(sectors - 1)]);
  assert.deepEqual(
    [...loadMetadata(k.image).extents()],
    [5, 2 ** 33 + 5, 2 ** 35 + 7, sectors - 1].map(pending),
  );
});

Deno.test("slots behind the first two tebibytes of a spare are where they are", () => {
  const { superblock } = new FakeKernel();
  const spare = { ...superblock, spareSectors: 2 ** 34, mainSectors: 2 ** 34 };
  const layout = layoutOf(spare.spareSectors, 1);
  const last = layout.slotsStart + layout.slots - 1;
  const extents: Extent[] = [
    { first: 2 ** 33, length: 1, slot: last, state: "remapped" },
    { first: 0, length: 2, slot: 2 ** 33 + 9, state: "bad" },
  ];
  const block = new Uint8Array(BLOCK_SIZE);
  const { uuid, generation, salt } = spare;
  const header = { uuid, generation, salt, version: FORMAT_VERSION, sequence: 0, flags: FLAG_LAST };
  encodeHeader(block, "journal", { ...header, count: extents.length });
  extents.forEach((extent, index) => packExtent(viewOf(block), HEADER_SIZE + 16 * index, extent));
  sealBlock(block);
  const image = new MemoryImage(block, "spare.img");
  // The ring alone: nobody has the memory for all that lies in front of it.
  const findings = new Findings(image.path);
  const ring = { ...layout, journalStart: 0, journalBlocks: 1 };
  const { entries } = readJournal(image, spare, ring, findings);
  assert.deepEqual(findings.problems, []);
  assert.equal(entries.count, 2);
  assert.deepEqual([...entries.slot.subarray(0, 2)], [last, 2 ** 33 + 9]);
  assert.deepEqual([...entries.first.subarray(0, 2)], [2 ** 33, 0]);
});

Deno.test("blocks of another attempt at the same checkpoint are passed over", () => {
  const k = new FakeKernel();
  k.checkpoint([]);
  for (const first of [1, 2, 3]) k.commit([pending(first)]);
  // The same generation once more, with another salt, as after a checkpoint that failed.
  k.superblock = { ...k.superblock, salt: k.superblock.salt + 2 ** 16 };
  const start = k.layout.checkpointStart[k.superblock.checkpoint];
  new PackedTable(k.superblock, k.layout, []).write(k.image, start, k.superblock);
  k.putBlock(k.copy, encodeSuperblock(k.superblock));
  k.journalUsed = 0;
  assert.deepEqual([...loadMetadata(k.image).extents()], []);
  k.commit([pending(9)]);
  assert.deepEqual([...loadMetadata(k.image).extents()], [pending(9)]);
  assert.equal(loadMetadata(k.image).superblock.uuid, UUID);
});
