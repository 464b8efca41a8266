// SPDX-License-Identifier: GPL-2.0-only
import { BLOCK_ENTRIES, BLOCK_SECTORS } from "./format.ts";

/** Where everything lies: a function of the size of the spare range and of main's logical block. */
export interface Layout {
  /** Blocks from the start of the range. */
  readonly checkpointStart: readonly [number, number];
  /** Blocks of each of the two checkpoint slots. */
  readonly checkpointBlocks: number;
  /** Blocks from the start of the range. */
  readonly journalStart: number;
  readonly journalBlocks: number;
  /** Sectors from the start of the range. */
  readonly slotsStart: number;
  /** Sectors; 0: the range is too small. */
  readonly slots: number;
}

const JOURNAL_LEAST = 8;
const JOURNAL_MOST = 1024;

/** The same as `remap_layout_of()` in kmod/dm-remap-format.h. */
export function layoutOf(spareSectors: number, blockSectors: number): Layout {
  const units = Math.floor(spareSectors / blockSectors);
  // Every slot may be an extent of its own; the rest is for pending sectors.
  const entries = units + Math.floor(units / 8) + 256;
  const checkpointBlocks = Math.ceil(entries / BLOCK_ENTRIES);
  const journal = Math.floor(Math.floor(spareSectors / BLOCK_SECTORS) / 32);
  const journalBlocks = Math.min(Math.max(journal, JOURNAL_LEAST), JOURNAL_MOST);
  const journalStart = 2 + 2 * checkpointBlocks;
  const slotsStart = (journalStart + journalBlocks) * BLOCK_SECTORS;
  return {
    checkpointStart: [2, 2 + checkpointBlocks],
    checkpointBlocks,
    journalStart,
    journalBlocks,
    slotsStart,
    slots: Math.max(0, Math.floor((spareSectors - slotsStart) / blockSectors)) * blockSectors,
  };
}

/** How many entries of a checkpoint may be pending sectors: the others always find room. */
export function pendingRoom(layout: Layout, blockSectors: number): number {
  return layout.checkpointBlocks * BLOCK_ENTRIES - layout.slots / blockSectors;
}
