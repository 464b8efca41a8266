// SPDX-License-Identifier: GPL-2.0-only
// What the metadata on a spare in use says; the target may be writing to it at the same time.
import { Findings } from "../metadata/findings.ts";
import type { Extent } from "../metadata/extent.ts";
import type { Image } from "../metadata/image.ts";
import { loadMetadata } from "../metadata/load.ts";
import { selectSuperblock } from "../metadata/select.ts";
import type { Superblock } from "../metadata/superblock.ts";
import type { BadSlots, SnapshotEntry } from "../store/types.ts";
import { resolveBlockDevice } from "./block_device.ts";
import { splitTable } from "./capture_refine.ts";
import type { OpenSpare } from "./spare/content.ts";
import type { System } from "./system.ts";
import type { RemapTable } from "./table_line.ts";

/** What `use` makes of the stored table; `undefined` if that cannot be read just now. */
export function withStoredTable<T>(
  table: RemapTable,
  open: OpenSpare,
  system: System,
  use: (extents: Iterable<Extent>) => T,
): T | undefined {
  return look(table, open, system, (image) => use(loadMetadata(image).extents()));
}

/** A table as it was committed. */
export interface CommittedTable {
  readonly entries: readonly SnapshotEntry[];
  readonly badSlots: readonly BadSlots[];
  readonly generation: number;
}

/**
 * The table as the last commit has left it, which is one moment, too; `undefined` if a checkpoint was
 * written meanwhile, or if it cannot be read.
 */
export function readCommitted(
  table: RemapTable,
  open: OpenSpare,
  system: System,
): CommittedTable | undefined {
  return look(table, open, system, (image) => {
    const { superblock, extents } = loadMetadata(image);
    const committed = { ...splitTable(extents()), generation: superblock.generation };
    // Behind a new checkpoint the journal starts anew: what was read of it may not be all.
    const { superblock: after } = loadMetadata(image);
    const isSame = after.sequence === superblock.sequence &&
      after.generation === superblock.generation && after.salt === superblock.salt;
    return isSame ? committed : undefined;
  });
}

/** The superblock that counts; `undefined` if none can be read just now. */
export function readStoredSuperblock(
  table: RemapTable,
  open: OpenSpare,
  system: System,
): Superblock | undefined {
  const read = (image: Image) => selectSuperblock(image, new Findings(image.path))?.superblock;
  return look(table, open, system, read);
}

/** A spare that is gone or torn between two writes is no reason to fail: the live table counts. */
function look<T>(
  { spare, spareStart }: RemapTable,
  open: OpenSpare,
  system: System,
  read: (image: Image) => T,
): T | undefined {
  try {
    const { node } = resolveBlockDevice(spare, system);
    using image = open(node, { startSectors: Number(spareStart) });
    return read(image);
  } catch {
    return undefined;
  }
}
