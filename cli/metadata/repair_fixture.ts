// SPDX-License-Identifier: GPL-2.0-only
// A spare that lives through commits and checkpoints as the kernel makes them, for tests.
import { encodeHeader, sealBlock, viewOf } from "./block.ts";
import { type Extent, type ExtentState, hasSlot, packExtent } from "./extent.ts";
import { BLOCK_SIZE, ENTRY_SIZE, FLAG_LAST, FORMAT_VERSION, HEADER_SIZE } from "./format.ts";
import { MemoryImage } from "./image.ts";
import { type Layout, layoutOf } from "./layout.ts";
import { PackedTable } from "./packed_table.ts";
import { encodeSuperblock, type Superblock } from "./superblock.ts";
import { formatMetadata } from "./write.ts";

const SPARE_SECTORS = 8192;
const UUID = "01234567-89ab-cdef-0123-456789abcdef";

export const GEOMETRY = {
  blockSectors: 1,
  mainStart: 0,
  mainSectors: 1 << 20,
  mainDeviceSectors: 1 << 20,
  spareStart: 0,
  spareSectors: SPARE_SECTORS,
  spareDeviceSectors: SPARE_SECTORS,
} as const;

/** Where a sector is. */
interface Place {
  readonly slot: number;
  readonly state: ExtentState;
}

/** A spare range and what its table should be. */
export class Life {
  readonly image = new MemoryImage(SPARE_SECTORS * 512);
  readonly layout: Layout = layoutOf(SPARE_SECTORS, 1);
  readonly sectors = new Map<number, Place>();
  readonly bad = new Set<number>();
  /** Every mapping that ever was, `sector>slot`. */
  readonly history = new Set<string>();
  superblock: Superblock;
  journalUsed = 0;
  #copy = 0;

  constructor() {
    this.superblock = formatMetadata(this.image, GEOMETRY, { uuid: UUID, name: "r0" });
  }

  /** One transaction of one block. */
  commit(...extents: readonly Extent[]): void {
    if (this.journalUsed === this.layout.journalBlocks) this.checkpoint();
    const block = new Uint8Array(BLOCK_SIZE);
    encodeHeader(block, "journal", {
      version: FORMAT_VERSION,
      count: extents.length,
      uuid: UUID,
      generation: this.superblock.generation,
      sequence: this.journalUsed,
      flags: FLAG_LAST,
      salt: this.superblock.salt,
    });
    for (const [index, extent] of extents.entries()) {
      packExtent(viewOf(block), HEADER_SIZE + index * ENTRY_SIZE, extent);
      this.#apply(extent);
    }
    sealBlock(block);
    this.write(this.layout.journalStart + this.journalUsed++, block);
  }

  #apply({ first, length, slot, state }: Extent): void {
    for (let at = 0; at < length; at++) {
      if (state === "bad") this.bad.add(slot + at);
      else if (state === "main") this.sectors.delete(first + at);
      else {
        const place = { slot: hasSlot(state) ? slot + at : 0, state };
        this.sectors.set(first + at, place);
        this.history.add(`${first + at}>${place.slot}`);
      }
    }
  }

  checkpoint(): void {
    const table = new PackedTable(GEOMETRY, this.layout, this.extents());
    const { generation, sequence, checkpoint } = this.superblock;
    this.superblock = {
      ...this.superblock,
      generation: generation + 1,
      sequence: sequence + 1,
      salt: (generation * 7919 % 65536) * 65536 + this.journalUsed,
      checkpoint: checkpoint === 0 ? 1 : 0,
      checkpointUsed: table.blocks,
      entries: table.entries,
      ...table.counts,
    };
    table.write(
      this.image,
      this.layout.checkpointStart[this.superblock.checkpoint],
      this.superblock,
    );
    this.#copy = 1 - this.#copy;
    this.write(this.#copy, encodeSuperblock(this.superblock));
    this.journalUsed = 0;
  }

  /** The table as a checkpoint holds it, sector by sector. */
  extents(): Extent[] {
    const sectors = [...this.sectors].sort(([a], [b]) => a - b);
    const bad = [...this.bad].sort((a, b) => a - b);
    return [
      ...sectors.map(([first, place]) => ({ first, length: 1, ...place })),
      ...bad.map((slot) => ({ first: 0, length: 1, slot, state: "bad" as const })),
    ];
  }

  /** A slot that nothing uses. */
  freeSlot(): number {
    const used = new Set([...this.sectors.values()].map(({ slot }) => slot));
    for (let slot = this.layout.slotsStart;; slot++) {
      if (!used.has(slot) && !this.bad.has(slot)) return slot;
    }
  }

  write(block: number, bytes: Uint8Array): void {
    this.image.write(block * BLOCK_SIZE, bytes);
  }

  damage(block: number, how: "zero" | "flip" = "flip"): void {
    const bytes = this.image.read(block * BLOCK_SIZE, BLOCK_SIZE);
    if (how === "zero") bytes.fill(0);
    else bytes[BLOCK_SIZE / 2 + 7]! ^= 0x10;
    this.write(block, bytes);
  }
}

/** Sector by sector, so that tables can be compared however they are cut. */
export function bySector(extents: Iterable<Extent>): string[] {
  const lines: string[] = [];
  for (const { first, length, slot, state } of extents) {
    for (let at = 0; at < length; at++) {
      const from = state === "bad" ? "" : `${first + at} `;
      lines.push(`${from}${state}${hasSlot(state) ? ` ${slot + at}` : ""}`);
    }
  }
  return lines.sort();
}
