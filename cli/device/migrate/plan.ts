// SPDX-License-Identifier: GPL-2.0-only
// Whether a device may become the new spare, and what has to be written to it before.
import { openImage } from "../../metadata/image.ts";
import { layoutOf } from "../../metadata/layout.ts";
import type { Superblock } from "../../metadata/superblock.ts";
import { formatUnfinished, type Geometry, wipeMetadata } from "../../metadata/write.ts";
import { type BlockDevice, resolveBlockDevice } from "../block_device.ts";
import { findSignature } from "../create_plan.ts";
import {
  BlockSizeError,
  type DeviceError,
  OverlapError,
  RefusedError,
  TooSmallError,
  WrongPairError,
} from "../errors.ts";
import { checkElsewhere, findUse } from "../in_use.ts";
import {
  type OpenSpare,
  readContent,
  type SpareContent,
  spareUnreadable,
} from "../spare/content.ts";
import { geometryOf, tableName } from "../spare/owner.ts";
import { type System, thisSystem } from "../system.ts";
import type { RemapTable } from "../table_line.ts";
import type { MigrationTarget } from "./report.ts";

export interface MigrateOptions {
  /** Of the remap device. */
  readonly name: string;
  /** A path. */
  readonly spare: string;
  /** Sectors; all of the new spare unless given. */
  readonly start?: bigint;
  readonly length?: bigint;
  /** Go over signatures and over what other tables the new spare holds: each a warning then. */
  readonly force?: boolean;
}

/** What the active device says of itself. */
export interface MigrateFrom {
  /** Its own, `major:minor`. */
  readonly number: string;
  readonly table: RemapTable;
  /** Sectors on the spare. */
  readonly remapped: bigint;
}

export interface MigratePlan {
  readonly target: MigrationTarget;
  readonly spare: BlockDevice;
  readonly old: { readonly path: string; readonly start: bigint };
  /** Another range of the device is in use by this very one. */
  readonly shared: boolean;
  /** What is written to the new spare first. */
  readonly geometry: Geometry;
  /** What the spare in use says, if it can still be read. */
  readonly from?: Superblock;
  /** Sectors from the start of the range that are overwritten at once. */
  readonly metadataSectors: number;
  /** What `force` went over. */
  readonly warnings: readonly string[];
}

const SECTOR_SIZE = 512n;

/**
 * Checks everything that can be checked before anything is written.
 * @throws {DeviceError} a refusal, of the class that says why
 */
export function planMigration(
  options: MigrateOptions,
  { number, table, remapped }: MigrateFrom,
  system: System = thisSystem,
  open: OpenSpare = openImage,
): MigratePlan {
  if (table.features.volatile === true) {
    throw new RefusedError("is volatile: nothing on its spare would be found again", {
      device: options.name,
      cure: "clear it and create it anew on the other spare",
    });
  }
  const main = resolveBlockDevice(table.main, system);
  const spare = resolveBlockDevice(options.spare, system);
  checkElsewhere(spare, number, system);
  const old = oldSpare(table, system, open);
  const target = rangeOf(options, spare, main, remapped);
  checkOverlap(table, target, main, spare);
  const warnings: string[] = [];
  const refuseUnlessForced = (refusal: DeviceError | undefined) => {
    if (refusal === undefined) return;
    if (options.force !== true) throw refusal;
    warnings.push(`${refusal.device}: ${refusal.reason}`);
  };
  // Its own devices are held by the device itself; other ranges of them may serve.
  const shared = spare.number === table.main || spare.number === table.spare;
  if (!shared) {
    const use = findUse(spare, system);
    if (use !== undefined) throw use;
  }
  const range = { spareStart: target.start, spareLength: target.length };
  refuseUnlessForced(findSignature(range, main, spare, system));
  refuseUnlessForced(foreign(spare, target, old.superblock, open));
  const geometry = geometryOf(
    { ...table, spareStart: target.start, spareLength: target.length },
    main,
    spare,
  );
  return {
    target,
    spare,
    old: { path: old.path, start: table.spareStart },
    geometry,
    shared,
    ...old.superblock === undefined ? {} : { from: old.superblock },
    metadataSectors: layoutOf(geometry.spareSectors, geometry.blockSectors).slotsStart,
    warnings,
  };
}

/**
 * Writes the mark of an unfinished migration, over whatever is there. Where nobody can tell which
 * set the content comes from, there are zeroes, and the kernel writes the mark.
 * @throws {SystemError}
 */
export function prepareNewSpare(
  { spare, target, geometry, from, shared }: MigratePlan,
  open: OpenSpare = openImage,
): void {
  using image = open(spare.node, { startSectors: Number(target.start), write: true, shared });
  if (from === undefined) wipeMetadata(image, geometry);
  else formatUnfinished(image, geometry, { name: from.name, mainId: from.mainId }, from);
}

/** The spare in use, and what it says: it may be dying. */
function oldSpare(
  table: RemapTable,
  system: System,
  open: OpenSpare,
): { readonly path: string; readonly superblock: Superblock | undefined } {
  try {
    const device = resolveBlockDevice(table.spare, system);
    const content = look(device, table.spareStart, open);
    const known = content.kind === "sound" || content.kind === "damaged";
    return { path: device.node, superblock: known ? content.superblock : undefined };
  } catch (error) {
    if (error instanceof RefusedError) return { path: table.spare, superblock: undefined };
    throw error;
  }
}

function look(device: BlockDevice, start: bigint, open: OpenSpare): SpareContent {
  try {
    using image = open(device.node, { startSectors: Number(start) });
    return readContent(image);
  } catch (error) {
    throw spareUnreadable(device.path, error);
  }
}

function rangeOf(
  { start = 0n, length }: MigrateOptions,
  spare: BlockDevice,
  main: BlockDevice,
  remapped: bigint,
): MigrationTarget {
  const unit = main.logicalBlockSectors;
  const device = spare.path;
  if (spare.logicalBlockSectors > unit) {
    throw new BlockSizeError(
      `has logical blocks of ${spare.logicalBlockSectors * SECTOR_SIZE} bytes, larger than the ` +
        `${unit * SECTOR_SIZE} of the main device`,
      { device, cure: "take a spare with the main device's block size" },
    );
  }
  if (spare.readOnly) {
    throw new RefusedError("is read-only", { device, cure: "blockdev --setrw makes it writable" });
  }
  const left = spare.sizeSectors > start ? spare.sizeSectors - start : 0n;
  const sectors = length ?? left - left % unit;
  if (start % unit !== 0n || sectors % unit !== 0n) {
    throw new BlockSizeError(
      `the range ${start}+${sectors} does not lie on the main device's logical blocks`,
      { device, cure: `use multiples of ${unit} sectors` },
    );
  }
  const least = leastLength(remapped, unit);
  if (sectors > left || sectors < least) {
    const asked = length === undefined ? "" : `, and ${start}+${length} was asked for`;
    throw new TooSmallError(
      `has ${left} sectors from sector ${start} on${asked}; ${remapped} relocated sectors and ` +
        `the table of them need at least ${least}`,
      { device, cure: `give it ${least} sectors at least; more leaves room for what is to come` },
    );
  }
  return { spare: spare.number, start, length: sectors };
}

/** The smallest range that has so many sectors of slots, and one slot at least. */
export function leastLength(slots: bigint, unit: bigint): bigint {
  const needed = Number(slots > unit ? slots : unit);
  const block = Number(unit);
  let [low, high] = [needed, needed * 2 + 65536];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (layoutOf(middle, block).slots >= needed) high = middle;
    else low = middle + 1;
  }
  return BigInt(Math.ceil(low / block) * block);
}

function checkOverlap(
  table: RemapTable,
  { start, length }: MigrationTarget,
  main: BlockDevice,
  spare: BlockDevice,
): void {
  const first = spare.diskStart + start;
  const meets = (disk: string, from: bigint, sectors: bigint) =>
    spare.disk === disk && first < from + sectors && from < first + length;
  const refuse = (what: string) => {
    throw new OverlapError(`shares sectors with ${what}`, {
      device: spare.path,
      cure: "take another device, or another range of it with --start and --length",
    });
  };
  if (meets(main.disk, main.diskStart + table.mainStart, table.length)) refuse("the main device");
  if (spare.number !== table.spare) return;
  if (meets(spare.disk, spare.diskStart + table.spareStart, table.spareLength)) {
    refuse("the spare in use");
  }
}

/** What is there of ours that may still be needed, as a refusal. */
function foreign(
  spare: BlockDevice,
  { start }: MigrationTarget,
  current: Superblock | undefined,
  open: OpenSpare,
): DeviceError | undefined {
  const content = look(spare, start, open);
  const refusal = (reason: string, cure: string) =>
    new WrongPairError(reason, { device: spare.path, cure: `${cure}, or --force overwrites it` });
  switch (content.kind) {
    case "none":
      return undefined;
    case "newer":
      return refusal("holds metadata of a later version of dm-remap", "take another spare");
    case "damaged":
      return refusal("holds damaged dm-remap metadata", "save what can be saved with meta repair");
    case "sound":
      return refusal(
        `holds the table ${tableName(content.superblock)}, set ${content.superblock.uuid}`,
        "take another spare",
      );
    // Left by an earlier attempt, or by a migration from there to here: nobody needs it.
    case "migrated":
      return content.superblock.linkedUuid === current?.uuid
        ? undefined
        : refusal(content.reason, "take another spare");
  }
}
