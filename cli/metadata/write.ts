// SPDX-License-Identifier: GPL-2.0-only
import type { Extent } from "./extent.ts";
import type { Image } from "./image.ts";
import type { Superblock } from "./superblock.ts";

/** What the writer is told; all else follows from the extents and from what is there. */
export type SuperblockFields =
  & Pick<
    Superblock,
    | "uuid"
    | "blockSectors"
    | "mainStart"
    | "mainSectors"
    | "mainDeviceSectors"
    | "spareStart"
    | "spareSectors"
    | "spareDeviceSectors"
  >
  & Partial<
    Pick<Superblock, "sequence" | "generation" | "created" | "name" | "mainId" | "args">
  >;

/**
 * Writes a whole metadata area: checkpoint, superblock, wiped journal. The extents ascend by
 * sector, bad slots last. Whatever was there before counts no more; a crash leaves the old
 * metadata, or nothing valid, or the new.
 * @throws {RangeError} for extents that cannot be, before anything is written that counts
 */
export function writeMetadata(
  image: Image,
  fields: SuperblockFields,
  extents: Iterable<Extent>,
): Superblock {
  void [fields, extents];
  throw new Error(image.path);
}

/** The numbers of a table line and of its devices. */
export type Geometry = Pick<
  Superblock,
  | "blockSectors"
  | "mainStart"
  | "mainSectors"
  | "mainDeviceSectors"
  | "spareStart"
  | "spareSectors"
  | "spareDeviceSectors"
>;

export interface Label {
  /** Of the mapped device. */
  readonly name?: string;
  /** What identifies the main device. */
  readonly mainId?: string;
  /** Random unless given. */
  readonly uuid?: string;
}

/** An empty table, over whatever is there: zeroes, and superblock A. */
export function formatMetadata(image: Image, geometry: Geometry, label: Label): Superblock {
  void [geometry, label];
  throw new Error(image.path);
}
