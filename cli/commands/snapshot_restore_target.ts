// SPDX-License-Identifier: GPL-2.0-only
// Where a snapshot is restored to: a device that is none of ours yet, or a file.
import { type BlockDevice, resolveBlockDevice, shareSectors } from "../device/block_device.ts";
import {
  BlockSizeError,
  OverlapError,
  RefusedError,
  TooSmallError,
  UsageError,
} from "../device/errors.ts";
import { thisSystem } from "../device/system.ts";
import { SECTOR_SIZE } from "../metadata/format.ts";
import type { Image } from "../metadata/image.ts";
import { readMigrated } from "../metadata/select.ts";
import { formatLength, type Units } from "../output/units.ts";
import type { Fates, Ground, Job } from "../restore/job.ts";
import { leastSpare, place, type Placement } from "../restore/place.ts";
import type { Store } from "../store/types.ts";
import { prepareOutput } from "./meta_copy.ts";
import { openTarget, type Target } from "./meta_target.ts";
import { requireRoom } from "./meta_write.ts";
import type { RestoreOptions } from "./snapshot_restore.ts";
import { oldGround } from "./snapshot_restore_in_place.ts";
import type { CheckedMain } from "./snapshot_restore_main.ts";
import type { Testimony } from "./snapshot_restore_sources.ts";
import type { Session } from "./support/session.ts";

/** A place that may be written to. */
export interface Site extends Disposable {
  readonly path: string;
  readonly ground: Ground;
  readonly placement: Placement;
  readonly write: Job["write"];
  /** Does the table on it count until the new one does? */
  readonly keeps: boolean;
  /** What the user has to agree to; `undefined`: nothing is overwritten. */
  readonly overwrites: string | undefined;
  /** Keeps what will not be there any more. */
  keep(): Promise<void>;
  open(): Image;
  /** All went well: what was made stays. */
  finished(): void;
}

export interface Wish {
  readonly store: Store;
  readonly fates: Fates;
  readonly testimony: Testimony;
  readonly options: RestoreOptions;
  readonly mainDevice: CheckedMain | undefined;
}

/** @throws {DeviceError} if it cannot be there, or something is there already */
export function breakGround(session: Session, wish: Wish): Site {
  return wish.options.inPlace ? oldGround(wish) : newGround(session, wish);
}

function newGround(session: Session, wish: Wish): Site {
  const { options, fates } = wish;
  const { decisions, device: { blockSectors } } = fates;
  const target: Target = {
    path: options.spare ?? options.output ?? "",
    start: options.spareStart ?? 0n,
  };
  if (options.oldSpare !== undefined && isSameFile(options.oldSpare, target.path)) {
    throw new UsageError("--spare and --old-spare are one device", {
      device: target.path,
      cure: "give --in-place to write to the old spare itself",
    });
  }
  const made = options.output === undefined ? undefined : makeFile(session, wish, target);
  try {
    const device = blockDevice(target.path);
    if (device !== undefined) checkDevice(device, wish);
    const ground = made?.ground ?? measure(target, options, blockSectors);
    const { spareSectors } = ground;
    const bad = { inPlace: false, bad: [] };
    const placement = place(decisions, { spareSectors, blockSectors }, bad);
    if (placement === undefined) throw tooSmall(target, spareSectors, fates, session.out.units);
    const held = made?.isNew ? undefined : heldBy(target, wish, spareSectors);
    return {
      ...{ path: target.path, ground, placement, write: "new", keeps: false },
      overwrites: held === undefined ? undefined : `is made a spare anew, although it ${held}`,
      keep: () => Promise.resolve(),
      open: () => openTarget(target, true),
      finished: () => made?.finished(),
      [Symbol.dispose]: () => made?.[Symbol.dispose](),
    };
  } catch (error) {
    made?.[Symbol.dispose]();
    throw error;
  }
}

interface MadeFile extends Disposable {
  readonly ground: Ground;
  readonly isNew: boolean;
  finished(): void;
}

/** A file that is not there is made, as long as the old spare was, or as it has to be. */
function makeFile(
  { dryRun }: Session,
  { fates, options }: Wish,
  target: Target,
): MadeFile | undefined {
  if (exists(target.path)) return undefined;
  const { device, decisions } = fates;
  const least = leastSpare(decisions, device.blockSectors);
  const start = Number(target.start ?? 0n);
  const spareSectors = Number(options.spareLength ?? Math.max(device.spareSectors, least));
  const undo = dryRun ? () => undefined : prepareOutput(target, { spareSectors });
  let stays = false;
  return {
    ground: { spareStart: start, spareSectors, spareDeviceSectors: start + spareSectors },
    isNew: true,
    finished: () => stays = true,
    [Symbol.dispose]: () => stays || undo(),
  };
}

function measure(
  target: Target,
  { spareLength }: RestoreOptions,
  blockSectors: number,
): Ground {
  using image = openTarget(target);
  const spareStart = Number(target.start ?? 0n);
  const rest = Math.floor(image.sizeBytes / SECTOR_SIZE);
  const length = Number(spareLength ?? rest);
  if (length > rest) {
    throw new TooSmallError(
      `has ${rest} sectors from sector ${spareStart} on, but ${length} were asked for`,
      { device: target.path, cure: "ask for less, or take a larger device" },
    );
  }
  return {
    spareStart,
    spareSectors: length - length % blockSectors,
    spareDeviceSectors: spareStart + rest,
  };
}

function checkDevice(device: BlockDevice, { fates, mainDevice, options }: Wish): void {
  const { device: { blockSectors, mainStart, mainSectors } } = fates;
  const { path, logicalBlockSectors, readOnly } = device;
  if (readOnly) {
    throw new RefusedError("is read-only", {
      device: path,
      cure: "blockdev --setrw, or another one",
    });
  }
  if (logicalBlockSectors > BigInt(blockSectors)) {
    throw new BlockSizeError(
      `has logical blocks of ${logicalBlockSectors * 512n} bytes, larger than the ` +
        `${blockSectors * 512} of the main device`,
      { device: path, cure: "take a spare with the main device's block size" },
    );
  }
  if (mainDevice === undefined) return;
  const main = resolveBlockDevice(mainDevice.path);
  const start = options.spareStart ?? 0n;
  const spare = { device, start, length: options.spareLength ?? device.sizeSectors - start };
  const used = { device: main, start: BigInt(mainStart), length: BigInt(mainSectors) };
  if (!shareSectors(spare, used)) return;
  throw new OverlapError(`shares sectors with the main device ${mainDevice.path}`, {
    device: path,
    cure: "take another device as the spare, or give --spare-start and --spare-length",
  });
}

/** What would be overwritten. What an attempt of our own has left is nothing. */
function heldBy(
  target: Target,
  { fates, options }: Wish,
  spareSectors: number,
): string | undefined {
  const { head, witnesses, device: { blockSectors } } = fates;
  const uuids = [head, ...witnesses].map(({ device }) => device.uuid);
  using image = openTarget(target);
  const migrated = readMigrated(image);
  const isOurs = migrated?.kind === "unfinished" && uuids.includes(migrated.superblock.linkedUuid);
  const held = requireRoom(
    target,
    { spareSectors, blockSectors },
    isOurs || options.force === true,
  );
  return isOurs ? undefined : held;
}

/** Rounded up to what people make partitions of; a little more room than is needed does no harm. */
function tooSmall(
  { path }: Target,
  has: number,
  { decisions, device }: Fates,
  units: Units,
): TooSmallError {
  const least = leastSpare(decisions, device.blockSectors);
  const sectors = Math.ceil((least + 24) / 2048) * 2048;
  return new TooSmallError(
    `is too small: it has ${has} sectors, and ${sectors} ` +
      `(${formatLength(BigInt(sectors), units)}) hold everything`,
    { device: path, cure: "take a device that is at least that large" },
  );
}

function blockDevice(path: string): BlockDevice | undefined {
  return thisSystem.stat(path)?.kind === "block" ? resolveBlockDevice(path) : undefined;
}

function exists(path: string): boolean {
  return thisSystem.stat(path) !== undefined;
}

function isSameFile(a: string, b: string): boolean {
  const [first, second] = [a, b].map((path) => thisSystem.realPath(path));
  return first !== undefined && first === second;
}
