// SPDX-License-Identifier: GPL-2.0-only
//
// Metadata as a device leaves it behind, with all the remains of earlier days: written step by
// step, by the rules of docs/metadata-format.md.
import { encodeHeader, sealBlock, viewOf } from "../../../cli/metadata/block.ts";
import { type Extent, packExtent } from "../../../cli/metadata/extent.ts";
import {
  BLOCK_SIZE,
  ENTRY_SIZE,
  FLAG_LAST,
  FORMAT_VERSION,
  HEADER_SIZE,
  SECTOR_SIZE,
} from "../../../cli/metadata/format.ts";
import { type Layout, layoutOf } from "../../../cli/metadata/layout.ts";
import {
  encodeSuperblock,
  NO_FEATURES,
  NO_LINK,
  type Superblock,
} from "../../../cli/metadata/superblock.ts";
import { Table } from "./table.ts";

/** The device that the metadata is of. */
export interface Geometry {
  readonly uuid: string;
  readonly blockSectors: number;
  readonly mainSectors: number;
  readonly spareSectors: number;
}

/** How far a checkpoint gets. */
export type CheckpointEnd = "done" | "some blocks" | "no superblock" | "torn superblock";

interface Current {
  readonly salt: number;
  readonly sequence: number;
  readonly generation: number;
  readonly copy: 0 | 1;
  readonly slot: 0 | 1;
  /** Blocks and entries of the checkpoint. */
  readonly used: number;
  readonly entries: number;
}

const other = (one: 0 | 1): 0 | 1 => one === 0 ? 1 : 0;

export class Writer {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly layout: Layout;
  #current: Current = {
    salt: 0,
    sequence: 1,
    generation: 1,
    copy: 0,
    slot: 0,
    used: 0,
    entries: 0,
  };
  #table = new Table();
  /** The tables since the last checkpoint: its own, then one after each transaction. */
  #past = [this.#table.text];
  /** For each transaction since, the blocks of the ring that it takes. */
  #transactions: { readonly first: number; readonly count: number }[] = [];
  #next = 0;
  /** Blocks behind those, of a transaction that was cut off. */
  #torn = 0;
  #attempts = 0;
  #isTorn = false;

  constructor(readonly geometry: Geometry) {
    this.bytes = new Uint8Array(geometry.spareSectors * SECTOR_SIZE);
    this.layout = layoutOf(geometry.spareSectors, geometry.blockSectors);
    this.#put(0, this.#superblock());
  }

  get table(): Table {
    return this.#table;
  }

  get past(): readonly string[] {
    return this.#past;
  }

  get transactions(): readonly { readonly first: number; readonly count: number }[] {
    return this.#transactions;
  }

  get generation(): number {
    return this.#current.generation;
  }

  get salt(): number {
    return this.#current.salt;
  }

  /** The blocks before the slots. */
  get blocks(): number {
    return this.layout.journalStart + this.layout.journalBlocks;
  }

  #put(block: number, bytes: Uint8Array): void {
    this.bytes.set(bytes, block * BLOCK_SIZE);
  }

  #superblock(): Uint8Array<ArrayBuffer> {
    const { uuid, blockSectors, mainSectors, spareSectors } = this.geometry;
    const { salt, sequence, generation, slot, used, entries } = this.#current;
    const places = this.#table.extents();
    const count = (...states: readonly string[]) =>
      places.filter(({ state }) => states.includes(state))
        .reduce((sum, { length }) => sum + length, 0);
    const superblock: Superblock = {
      uuid,
      salt,
      sequence,
      generation,
      remapped: count("remapped", "lost", "unreadable"),
      blockSectors,
      mainStart: 0,
      mainSectors,
      mainDeviceSectors: mainSectors,
      spareStart: 0,
      spareSectors,
      spareDeviceSectors: spareSectors,
      checkpoint: slot,
      checkpointUsed: used,
      entries,
      lost: count("lost", "unreadable"),
      pending: count("pending"),
      bad: count("bad"),
      created: 1,
      written: sequence,
      name: "fuzz",
      mainId: "",
      args: "",
      ...NO_FEATURES,
      ...NO_LINK,
    };
    return encodeSuperblock(superblock);
  }

  #block(
    kind: "checkpoint" | "journal",
    { generation, salt }: Pick<Current, "generation" | "salt">,
    sequence: number,
    extents: readonly Extent[],
    last: boolean,
  ): Uint8Array<ArrayBuffer> {
    const block = new Uint8Array(BLOCK_SIZE);
    encodeHeader(block, kind, {
      version: FORMAT_VERSION,
      count: extents.length,
      uuid: this.geometry.uuid,
      generation,
      sequence,
      flags: last ? FLAG_LAST : 0,
      salt,
    });
    const view = viewOf(block);
    for (const [index, extent] of extents.entries()) {
      packExtent(view, HEADER_SIZE + index * ENTRY_SIZE, extent);
    }
    sealBlock(block);
    return block;
  }

  /**
   * One transaction, with so many entries a block at most; or, if the ring is full, a checkpoint
   * that holds it.
   */
  commit(changes: readonly Extent[], perBlock: number): void {
    const parts = split(changes, perBlock);
    const fits = this.#next + parts.length <= this.layout.journalBlocks;
    if (fits) this.#write(parts, parts.length);
    this.#table = new Table(this.#table);
    for (const extent of changes) this.#table.apply(extent);
    if (!fits) return this.checkpoint(252);
    this.#transactions.push({ first: this.#next, count: parts.length });
    this.#next += parts.length;
    this.#past.push(this.#table.text);
  }

  /**
   * A transaction of which so many blocks reach the medium, before the machine stops. What it was
   * to change is not known to have changed.
   */
  tear(changes: readonly Extent[], perBlock: number, written: number): void {
    const parts = split(changes, perBlock);
    if (this.#next + parts.length > this.layout.journalBlocks) return;
    this.#torn = Math.min(written, parts.length - 1);
    this.#write(parts, this.#torn);
  }

  /** The journal cannot be written, whether or not the block got there: a checkpoint is. */
  fail(changes: readonly Extent[], landed: boolean): void {
    if (this.#next === this.layout.journalBlocks) return this.commit(changes, 252);
    if (landed) this.#write([changes], 1);
    this.#torn = 1;
    this.#table = new Table(this.#table);
    for (const extent of changes) this.#table.apply(extent);
    this.checkpoint(252);
  }

  /** A start: if the superblock was torn, it is written again, now that its checkpoint counts. */
  settle(): void {
    if (this.#isTorn) this.#put(this.#current.copy, this.#superblock());
    this.#isTorn = false;
  }

  /** The superblock that does not count was damaged, and is written again: both count now. */
  mend(): void {
    const { sequence, copy, generation } = this.#current;
    // There is only one as long as nothing but formatting has happened.
    if (generation === 1) return;
    this.#current = { ...this.#current, sequence: sequence + 1, copy: other(copy) };
    this.#put(this.#current.copy, this.#superblock());
  }

  #write(parts: readonly (readonly Extent[])[], written: number): void {
    for (const [index, part] of parts.slice(0, written).entries()) {
      const last = index === parts.length - 1;
      const block = this.#block("journal", this.#current, this.#next + index, part, last);
      this.#put(this.layout.journalStart + this.#next + index, block);
    }
  }

  checkpoint(perBlock: number, end: CheckpointEnd = "done"): void {
    const extents = this.#table.extents();
    const room = this.layout.checkpointBlocks;
    const parts = split(extents, Math.max(perBlock, Math.ceil(extents.length / room)));
    const now = this.#current;
    const slot = other(now.slot);
    const generation = now.generation + 1;
    // Random, and how many blocks of the ring may be there that it continues.
    const salt = ((++this.#attempts * 0x9e37 & 0xffff) << 16 | this.#next + this.#torn) >>> 0;
    for (const [index, part] of parts.entries()) {
      const last = index === parts.length - 1;
      if (end === "some blocks" && last) return;
      const block = this.#block("checkpoint", { generation, salt }, index, part, last);
      this.#put(this.layout.checkpointStart[slot] + index, block);
    }
    if (end === "no superblock" || end === "some blocks") return;
    this.#torn = 0;
    this.#current = {
      salt,
      sequence: now.sequence + 1,
      generation,
      copy: other(now.copy),
      slot,
      used: parts.length,
      entries: extents.length,
    };
    const superblock = this.#superblock();
    this.#isTorn = end === "torn superblock";
    if (this.#isTorn) {
      const torn = this.bytes.slice(
        this.#current.copy * BLOCK_SIZE,
        (this.#current.copy + 1) * BLOCK_SIZE,
      );
      torn.set(superblock.subarray(0, SECTOR_SIZE));
      this.#put(this.#current.copy, torn);
    } else this.#put(this.#current.copy, superblock);
    this.#past = [this.#table.text];
    this.#transactions = [];
    this.#next = 0;
  }
}

/** At least one block, even for nothing. */
function split(extents: readonly Extent[], perBlock: number): (readonly Extent[])[] {
  const parts: (readonly Extent[])[] = [];
  for (let at = 0; at < extents.length || at === 0; at += perBlock) {
    parts.push(extents.slice(at, at + perBlock));
  }
  return parts;
}
