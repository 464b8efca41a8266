// SPDX-License-Identifier: GPL-2.0-only
import type { Extent } from "./extent.ts";
import type { Image } from "./image.ts";
import { MetadataError } from "./problem.ts";
import type { Superblock } from "./superblock.ts";

export { MetadataError, type Problem } from "./problem.ts";

/** The metadata of a spare range, as the kernel would load it. */
export interface Metadata {
  readonly superblock: Superblock;
  readonly superblockCopy: "A" | "B";
  readonly generation: number;
  /** Which checkpoint slot is current. */
  readonly checkpoint: 0 | 1;
  /** Blocks of it. */
  readonly checkpointUsed: number;
  /** Whole transactions in the journal. */
  readonly transactions: number;
  /** Blocks of the journal that count. */
  readonly journalUsed: number;
  /** Blocks behind the last whole transaction. */
  readonly droppedBlocks: number;
  /** What is out of the ordinary, but no problem. */
  readonly notes: readonly string[];
  /**
   * The table: by sector, then the bad slots. Reads the checkpoint as it goes.
   * @throws what `Image.read` throws
   */
  extents(): Iterable<Extent>;
}

/**
 * @throws {MetadataError} for what the kernel would refuse, and for a range that is all zeroes
 */
export function loadMetadata(image: Image): Metadata {
  throw new MetadataError(image.path, []);
}
