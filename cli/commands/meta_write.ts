// SPDX-License-Identifier: GPL-2.0-only
// What `meta restore` and `meta repair` share: a place that may be overwritten, and the writing.
import { LibraryError, SystemError } from "../../ffi/errors.ts";
import {
  MetadataDamagedError,
  RefusedError,
  SignatureError,
  TooSmallError,
} from "../device/errors.ts";
import { thisSystem } from "../device/system.ts";
import { hasMagic, isZero } from "../metadata/block.ts";
import { checkMetadata } from "../metadata/check.ts";
import type { Extent } from "../metadata/extent.ts";
import { BLOCK_SIZE, SECTOR_SIZE } from "../metadata/format.ts";
import type { Image } from "../metadata/image.ts";
import { layoutOf } from "../metadata/layout.ts";
import { decodeSuperblock, type Superblock } from "../metadata/superblock.ts";
import { quote } from "../metadata/text.ts";
import { type SuperblockFields, writeMetadata } from "../metadata/write.ts";
import { inWords, openTarget, requireUnused, type Target } from "./meta_target.ts";

/** What is written: a superblock that was checked, but for what follows from its new place. */
export interface Content {
  readonly fields: SuperblockFields;
  readonly extents: readonly Extent[];
}

/** Where the sizes in a superblock have to follow its place. */
function placedAt<T extends Pick<Superblock, "spareStart" | "spareDeviceSectors">>(
  fields: T,
  { start = 0n }: Target,
  image: Image,
): T {
  const startSectors = Number(start);
  const sectors = startSectors + Math.floor(image.sizeBytes / SECTOR_SIZE);
  return { ...fields, spareStart: startSectors, spareDeviceSectors: sectors };
}

/**
 * Refuses what is in use, too small, or holds something, unless that is to be overwritten.
 * @returns what would be overwritten, in words
 */
export function requireRoom(
  target: Target,
  fields: Pick<Superblock, "spareSectors" | "blockSectors">,
  force: boolean,
): string | undefined {
  requireUnused(target.path);
  using image = openTarget(target);
  const has = Math.floor(image.sizeBytes / SECTOR_SIZE);
  if (has < fields.spareSectors) {
    throw new TooSmallError(
      `has ${has} sectors from sector ${target.start ?? 0n} on, but the spare range has ` +
        `${fields.spareSectors}`,
      { device: target.path, cure: "take a larger device, or make the file as long with truncate" },
    );
  }
  const held = contentOf(target, image, fields);
  if (held !== undefined && !force) {
    throw new SignatureError(`${held}; it would be overwritten`, {
      device: target.path,
      cure: "give --force if it is of no use any more",
    });
  }
  return held;
}

/** Metadata of ours, or a signature that libblkid knows. */
function contentOf(
  { path, start = 0n }: Target,
  image: Image,
  fields: Pick<Superblock, "spareSectors" | "blockSectors">,
): string | undefined {
  try {
    for (const block of [0, 1]) {
      const bytes = image.read(block * BLOCK_SIZE, BLOCK_SIZE);
      const decoded = decodeSuperblock(bytes);
      if (decoded.kind === "sound") {
        return `holds the table of the remap device ${quote(decoded.superblock.name)}`;
      }
      if (hasMagic(bytes, "superblock")) return "holds the table of a remap device";
    }
    const { slotsStart } = layoutOf(fields.spareSectors, fields.blockSectors);
    const range = { offset: start * 512n, length: BigInt(fields.spareSectors) * 512n };
    const found = thisSystem.probe(path, range);
    if (found !== undefined) return `carries a signature: ${found.type}`;
    return holdsOurs(image, slotsStart / 8)
      ? "holds parts of the table of a remap device"
      : undefined;
  } catch (error) {
    if (error instanceof LibraryError) {
      throw new RefusedError("cannot tell whether it holds something", {
        device: path,
        cure: "install libblkid (apt-get install libblkid1)",
        cause: error,
      });
    }
    if (error instanceof SystemError) throw inWords(error, path);
    throw error;
  }
}

/** Whether the head of the metadata area has blocks of ours, though both superblocks are gone. */
function holdsOurs(image: Image, blocks: number): boolean {
  for (let block = 2; block < Math.min(blocks, 256); block++) {
    const bytes = image.read(block * BLOCK_SIZE, BLOCK_SIZE);
    if (isZero(bytes)) continue;
    if (hasMagic(bytes, "checkpoint") || hasMagic(bytes, "journal")) return true;
  }
  return false;
}

/**
 * Writes metadata, and looks at it as the module will.
 * @throws {MetadataDamagedError} if what was written does not come back
 */
export function writeAndCheck(target: Target, { fields, extents }: Content): Superblock {
  try {
    using image = openTarget(target, true);
    const written = writeMetadata(image, placedAt(fields, target, image), extents);
    const [problem] = checkMetadata(image).problems;
    if (problem !== undefined) {
      throw new MetadataDamagedError(
        `what was written does not read back: ${problem.where}: ${problem.message}`,
        { device: target.path, cure: "the device itself is not sound: take another one" },
      );
    }
    return written;
  } catch (error) {
    throw inWords(error, target.path);
  }
}
