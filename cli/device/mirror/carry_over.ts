// SPDX-License-Identifier: GPL-2.0-only
// What the spare says of a device after its content has gone to another disk.
import type { Extent } from "../../metadata/extent.ts";
import { BLOCK_SIZE } from "../../metadata/format.ts";
import type { Image } from "../../metadata/image.ts";
import { loadMetadata, type Metadata } from "../../metadata/load.ts";
import { readMigrated } from "../../metadata/select.ts";
import { encodeSuperblock, type Superblock } from "../../metadata/superblock.ts";
import { writeMetadata } from "../../metadata/write.ts";
import { RangeSet } from "./range_set.ts";

/** The disk that is main from now on. */
export interface NewMain {
  /** "" if it has none. */
  readonly mainId: string;
  readonly mainStart: number;
  readonly mainDeviceSectors: number;
}

/**
 * The table over the new disk: nothing is relocated there. What has no content is *wrong*, and not
 * pending: the new disk can be read in these places, and must not be believed. Slots that have gone
 * bad stay so, for the spare is the same.
 */
function* carriedOver(missing: RangeSet, old: Iterable<Extent>): Generator<Extent> {
  for (const { first, end } of missing) {
    yield { first, length: end - first, slot: 0, state: "wrong" };
  }
  for (const extent of old) if (extent.state === "bad") yield extent;
}

/**
 * Makes the new disk the main device: the first superblock that is written is the switch, for until
 * then the old one counts, and from then on the new one does. If a crash tears it, nobody may take
 * the new table for one of the old disk, as the next generation without a superblock would be
 * taken; therefore the generation skips one.
 */
export function switchMain(
  image: Image,
  { superblock, extents }: Metadata,
  main: NewMain,
  missing: RangeSet,
): Superblock {
  const fields = { ...superblock, ...main, generation: superblock.generation + 2 };
  return writeMetadata(image, fields, [...carriedOver(missing, extents())]);
}

/** As `REMAP_DISK_MOVED` of dm-remap-format.h. */
const MOVED = 2;

/**
 * Makes sure that the table is not used any more: its content is on another disk, without a spare.
 * One copy that says so is enough, the one that does not count now is first.
 */
export function retireTable(
  image: Image,
  { superblock, superblockCopy }: Metadata,
  disk: NewMain,
): void {
  const copies = superblockCopy === "A" ? [1, 0] : [0, 1];
  for (const [index, copy] of copies.entries()) {
    const sequence = superblock.sequence + 1 + index;
    const moved = { ...superblock, ...disk, sequence, incompat: MOVED };
    const unlinked = { linkedUuid: "", linkedGeneration: 0 };
    image.write(copy * BLOCK_SIZE, encodeSuperblock({ ...moved, ...unlinked }));
    image.sync();
  }
}

/** Whether the table that the spare holds has been switched, or retired, since it was `old`. */
export function hasSwitched(image: Image, old: Pick<Superblock, "generation">): boolean {
  if (readMigrated(image)?.kind === "moved") return true;
  return loadMetadata(image).superblock.generation > old.generation;
}
