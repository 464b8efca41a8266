// SPDX-License-Identifier: GPL-2.0-only
import { walkCheckpoint } from "./checkpoint.ts";
import { type Extent, EXTENT_STATES } from "./extent.ts";
import type { Image } from "./image.ts";
import { inspect } from "./inspect.ts";
import { Merge, type Replay } from "./merge.ts";
import { MetadataError } from "./problem.ts";
import type { Chosen } from "./select.ts";
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
  const { findings, chosen, journal, replay } = inspect(image);
  if (findings.areAny || !chosen || !journal || !replay) {
    throw new MetadataError(image.path, findings.problems);
  }
  const { superblock, copy } = chosen;
  return {
    superblock,
    superblockCopy: copy,
    generation: superblock.generation,
    checkpoint: superblock.checkpoint,
    checkpointUsed: superblock.checkpointUsed,
    transactions: journal.transactions,
    journalUsed: journal.used,
    droppedBlocks: journal.dropped,
    notes: findings.notes,
    extents: () => extentsOf(image, chosen, replay),
  };
}

function* extentsOf(image: Image, chosen: Chosen, replay: Replay): Generator<Extent> {
  let ready: Extent[] = [];
  const merge = new Merge(replay, (first, length, slot, state) => {
    ready.push({ first, length, slot, state: EXTENT_STATES[state]! });
  });
  const push = merge.push.bind(merge);
  for (const _block of walkCheckpoint(image, chosen, push)) {
    yield* ready;
    ready = [];
  }
  merge.finish();
  yield* ready;
}
