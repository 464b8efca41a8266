// SPDX-License-Identifier: GPL-2.0-only
// For tests: writes journal blocks, checkpoints and superblocks the way the kernel does.
import { encodeHeader, sealBlock, viewOf } from "./block.ts";
import { type Extent, packExtent } from "./extent.ts";
import { BLOCK_ENTRIES, BLOCK_SIZE, ENTRY_SIZE, FLAG_LAST, HEADER_SIZE } from "./format.ts";
import { MemoryImage } from "./image.ts";
import { type Layout, layoutOf } from "./layout.ts";
import { PackedTable } from "./packed_table.ts";
import { encodeSuperblock, type Superblock } from "./superblock.ts";
import { formatMetadata, type Geometry } from "./write.ts";

export const UUID = "00112233-4455-6677-8899-aabbccddeeff";

export const GEOMETRY: Geometry = {
  blockSectors: 1,
  mainStart: 0,
  mainSectors: 100_000,
  mainDeviceSectors: 100_000,
  spareStart: 0,
  spareSectors: 4096,
  spareDeviceSectors: 4096,
};

export class FakeKernel {
  readonly image: MemoryImage;
  readonly layout: Layout;
  superblock: Superblock;
  /** The superblock that counts. */
  copy: 0 | 1 = 0;
  journalUsed = 0;

  constructor(geometry: Geometry = GEOMETRY) {
    this.layout = layoutOf(geometry.spareSectors, geometry.blockSectors);
    this.image = new MemoryImage(geometry.spareSectors * 512, "spare.img");
    this.superblock = formatMetadata(this.image, geometry, { uuid: UUID });
  }

  /** Sectors from the start of the range. */
  slot(index: number): number {
    return this.layout.slotsStart + index * this.superblock.blockSectors;
  }

  /** A transaction, in as many blocks as it takes; without `ends` the last block is missing. */
  commit(extents: readonly Extent[], { ends = true } = {}): void {
    for (let at = 0; at < Math.max(1, extents.length); at += BLOCK_ENTRIES) {
      const isEnd = at + BLOCK_ENTRIES >= extents.length;
      const part = extents.slice(at, at + BLOCK_ENTRIES);
      this.#put(this.layout.journalStart + this.journalUsed, part, isEnd && ends ? FLAG_LAST : 0);
      this.journalUsed++;
    }
  }

  #put(block: number, extents: readonly Extent[], flags: number): void {
    const bytes = new Uint8Array(BLOCK_SIZE);
    const { uuid, generation, salt } = this.superblock;
    encodeHeader(bytes, "journal", {
      version: 1,
      count: extents.length,
      uuid,
      generation,
      sequence: this.journalUsed,
      flags,
      salt,
    });
    extents.forEach((extent, index) =>
      packExtent(viewOf(bytes), HEADER_SIZE + index * ENTRY_SIZE, extent)
    );
    sealBlock(bytes);
    this.putBlock(block, bytes);
  }

  /** Writes the next checkpoint; unless told otherwise, and if nothing stops it, its superblock. */
  checkpoint(extents: readonly Extent[], { superblock = true } = {}): Superblock {
    const table = new PackedTable(this.superblock, this.layout, extents);
    const checkpoint = this.superblock.checkpoint === 0 ? 1 : 0;
    const next: Superblock = {
      ...this.superblock,
      ...table.counts,
      sequence: this.superblock.sequence + 1,
      generation: this.superblock.generation + 1,
      salt: (0x1234 + this.superblock.sequence) * 2 ** 16 + this.journalUsed,
      checkpoint,
      checkpointUsed: table.blocks,
      entries: table.entries,
    };
    table.write(this.image, this.layout.checkpointStart[checkpoint], next);
    if (!superblock) return next;
    this.copy = this.copy === 0 ? 1 : 0;
    this.putBlock(this.copy, encodeSuperblock(next));
    this.superblock = next;
    this.journalUsed = 0;
    return next;
  }

  block(block: number): Uint8Array<ArrayBuffer> {
    return this.image.read(block * BLOCK_SIZE, BLOCK_SIZE);
  }

  putBlock(block: number, bytes: Uint8Array): void {
    this.image.write(block * BLOCK_SIZE, bytes);
  }

  /** A bit turns in the middle of it. */
  rot(block: number): void {
    const bytes = this.block(block);
    bytes[100]! ^= 1;
    this.putBlock(block, bytes);
  }

  wipe(block: number): void {
    this.putBlock(block, new Uint8Array(BLOCK_SIZE));
  }

  /** Changes a block in a way that its checksum does not show. */
  forge(block: number, change: (view: DataView) => void): void {
    const bytes = this.block(block);
    change(viewOf(bytes));
    sealBlock(bytes);
    this.putBlock(block, bytes);
  }
}
