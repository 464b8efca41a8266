// SPDX-License-Identifier: GPL-2.0-only
// What lies at the head of a spare range.
import { SystemError } from "../../../ffi/errors.ts";
import { hasMagic } from "../../metadata/block.ts";
import { checkMetadata, type TableCounts } from "../../metadata/check.ts";
import { BLOCK_SIZE, SECTOR_SIZE } from "../../metadata/format.ts";
import type { Image } from "../../metadata/image.ts";
import { layoutOf } from "../../metadata/layout.ts";
import type { Problem } from "../../metadata/problem.ts";
import { migratedOf, migrationWords } from "../../metadata/select.ts";
import { decodeSuperblock, type Superblock } from "../../metadata/superblock.ts";
import { PermissionError, RefusedError } from "../errors.ts";

/** Opens a spare range for reading, or for writing as well. */
export type OpenSpare = (
  path: string,
  options: {
    readonly startSectors: number;
    readonly write?: boolean;
    readonly shared?: boolean;
  },
) => Image;

/** What is found there. */
export type SpareContent =
  /** Nothing of ours. */
  | { readonly kind: "none" }
  /** Written by a later version, which this one does not understand. */
  | { readonly kind: "newer" }
  /** A migration has not filled it, or has left it: nothing on it counts. */
  | {
    readonly kind: "migrated";
    readonly superblock: Superblock;
    /** What it is, for people, and what to do. */
    readonly reason: string;
    readonly cure: string;
    /** Its content is on the spare that its superblock names. */
    readonly moved: boolean;
  }
  /** Ours, but the kernel would refuse it. */
  | {
    readonly kind: "damaged";
    readonly problems: readonly Problem[];
    /** As far as one can be read. */
    readonly superblock: Superblock | undefined;
  }
  /** A table that can be activated. */
  | {
    readonly kind: "sound";
    readonly superblock: Superblock;
    readonly counts: TableCounts;
    readonly notes: readonly string[];
  };

/**
 * Looks, and writes nothing. With `sizes`, traces of a table whose superblocks are both zero count
 * as well.
 * @throws {SystemError} if the spare cannot be read
 */
export function readContent(
  image: Image,
  sizes?: { readonly spareSectors: number; readonly blockSectors: number },
): SpareContent {
  if (image.sizeBytes < 2 * BLOCK_SIZE) return { kind: "none" };
  const blocks = [blockAt(image, 0), blockAt(image, 1)];
  const copies = blocks.map((block) => block === undefined ? undefined : decodeSuperblock(block));
  if (copies.some((copy) => copy?.kind === "newer")) return { kind: "newer" };
  const migrated = migratedOf(copies);
  if (migrated !== undefined) {
    const { message: reason, cure } = migrationWords(migrated);
    const { kind, superblock } = migrated;
    return { kind: "migrated", superblock, reason, cure, moved: kind === "moved" };
  }
  const isOurs = copies.some((copy) => copy?.kind === "sound") ||
    blocks.some((block) => block !== undefined && hasMagic(block, "superblock")) ||
    sizes !== undefined && hasTraces(image, sizes);
  // A spare of which not even the head can be read may be anything: that is for the caller.
  if (!isOurs) return { kind: "none" };
  const { problems, superblock, counts, notes } = checkMetadata(image);
  if (problems.length === 0 && superblock !== undefined) {
    return { kind: "sound", superblock, counts, notes };
  }
  const [readable] = copies.flatMap((copy) => copy?.kind === "sound" ? [copy.superblock] : []);
  return { kind: "damaged", problems, superblock: superblock ?? readable };
}

/** A superblock that cannot be read counts as damaged, as the kernel takes it. */
function blockAt(image: Image, index: number): Uint8Array | undefined {
  try {
    return image.read(index * BLOCK_SIZE, BLOCK_SIZE);
  } catch (error) {
    if (error instanceof SystemError && error.code === "EIO") return undefined;
    throw error;
  }
}

/** The first blocks of checkpoints and journal are those that are written first. */
function hasTraces(
  image: Image,
  { spareSectors, blockSectors }: { readonly spareSectors: number; readonly blockSectors: number },
): boolean {
  const { checkpointStart, journalStart, slots } = layoutOf(spareSectors, blockSectors);
  if (slots === 0 || image.sizeBytes < spareSectors * SECTOR_SIZE) return false;
  return [...checkpointStart, journalStart].some((index) => {
    const block = blockAt(image, index);
    return block !== undefined && (hasMagic(block, "checkpoint") || hasMagic(block, "journal"));
  });
}

/** What could not be read, in words for the user. */
export function spareUnreadable(path: string, error: unknown): unknown {
  if (!(error instanceof SystemError)) return error;
  if (error.code === "EACCES" || error.code === "EPERM") {
    return new PermissionError("no permission to read it", {
      device: path,
      cure: "run as root",
      cause: error,
    });
  }
  return new RefusedError(`cannot be read: ${error.message}`, {
    device: path,
    cure: "see whether it still answers (dmesg tells); the table is on it",
    cause: error,
  });
}
