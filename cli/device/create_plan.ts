// SPDX-License-Identifier: GPL-2.0-only
import { checkDeviceName } from "../../ffi/dm_names.ts";
import { DeviceMapperError, SystemError } from "../../ffi/errors.ts";
import { type BlockDevice, resolveBlockDevice } from "./block_device.ts";
import {
  BlockSizeError,
  type DeviceError,
  OverlapError,
  PermissionError,
  RefusedError,
  SignatureError,
  TooSmallError,
  UsageError,
} from "./errors.ts";
import { findUse } from "./in_use.ts";
import { type System, thisSystem } from "./system.ts";
import { formatTable, type RemapFeatures, type RemapTable } from "./table_line.ts";

export interface CreateOptions {
  readonly name: string;
  /** Paths of block devices. */
  readonly main: string;
  readonly spare: string;
  /** Sectors; the whole of both devices unless given. */
  readonly mainStart?: bigint;
  readonly length?: bigint;
  readonly spareStart?: bigint;
  readonly spareLength?: bigint;
  readonly features: RemapFeatures;
  readonly uuid?: string;
  readonly readOnly?: boolean;
  /** Go on where main is mounted or held, or the spare carries a signature: each a warning then. */
  readonly force?: boolean;
}

export interface CreatePlan {
  readonly name: string;
  readonly table: RemapTable;
  /** The table line as `dmsetup create` would take it. */
  readonly line: string;
  readonly main: BlockDevice;
  readonly spare: BlockDevice;
  readonly uuid?: string;
  readonly readOnly: boolean;
  /** What `force` went over, and other remarks for the user. */
  readonly warnings: readonly string[];
}

const SECTOR_SIZE = 512n;

/**
 * Checks everything that can be checked before the kernel is asked. Needs no device mapper.
 * @throws {DeviceError} a refusal, of the class that says why
 */
export function planCreate(
  options: CreateOptions,
  system: System = thisSystem,
): Promise<CreatePlan> {
  // A promise, so that a slow probe may leave the event loop one day without a change for callers.
  return Promise.try(() => plan(options, system));
}

function plan(options: CreateOptions, system: System): CreatePlan {
  checkName(options.name);
  const main = resolveBlockDevice(options.main, system);
  const spare = resolveBlockDevice(options.spare, system);
  const table = planTable(options, main, spare);
  const warnings: string[] = [];
  const refuseUnlessForced = (refusal: DeviceError | undefined) => {
    if (refusal === undefined) return;
    if (options.force !== true) throw refusal;
    warnings.push(`${refusal.device}: ${refusal.reason}`);
  };
  refuseUnlessForced(findUse(main, system));
  if (spare.number !== main.number) refuseUnlessForced(findUse(spare, system));
  refuseUnlessForced(findSignature(table, main, spare, system));
  return {
    name: options.name,
    table,
    line: formatTable(table),
    main,
    spare,
    ...(options.uuid === undefined ? {} : { uuid: options.uuid }),
    readOnly: options.readOnly ?? false,
    warnings,
  };
}

function checkName(name: string): void {
  try {
    checkDeviceName("create", name);
  } catch (error) {
    if (!(error instanceof DeviceMapperError)) throw error;
    throw new UsageError(error.message, { cause: error });
  }
}

/** The sectors that both devices give, checked as the kernel will check them again. */
function planTable(options: CreateOptions, main: BlockDevice, spare: BlockDevice): RemapTable {
  const unit = main.logicalBlockSectors;
  if (spare.logicalBlockSectors > unit) {
    throw new BlockSizeError(
      `has logical blocks of ${spare.logicalBlockSectors * SECTOR_SIZE} bytes, ` +
        `larger than the ${unit * SECTOR_SIZE} of ${main.path}`,
      { device: spare.path, cure: "take a spare with the main device's block size" },
    );
  }
  const mainStart = options.mainStart ?? 0n;
  const spareStart = options.spareStart ?? 0n;
  const length = options.length ?? rest(main, mainStart, unit);
  const spareLength = options.spareLength ?? rest(spare, spareStart, unit);
  checkRange(main, mainStart, length, unit);
  checkRange(spare, spareStart, spareLength, unit);
  if (main.readOnly && options.readOnly !== true) {
    throw new RefusedError("is read-only", {
      device: main.path,
      cure: "create a read-only device, or set it writable with blockdev --setrw",
    });
  }
  if (spare.readOnly && options.readOnly !== true) {
    throw new RefusedError("is read-only, nothing could be relocated to it", {
      device: spare.path,
      cure: "set it writable with blockdev --setrw, or take another spare",
    });
  }
  const table: RemapTable = {
    start: 0n,
    length,
    main: main.number,
    mainStart,
    spare: spare.number,
    spareStart,
    spareLength,
    features: options.features,
  };
  checkOverlap(table, main, spare);
  return table;
}

/** From `start` to the end of the device, in whole logical blocks. */
function rest(device: BlockDevice, start: bigint, unit: bigint): bigint {
  const length = device.sizeSectors - start;
  return length <= 0n ? 0n : length - length % unit;
}

function checkRange(device: BlockDevice, start: bigint, length: bigint, unit: bigint): void {
  if (start + length > device.sizeSectors || length === 0n) {
    const asked = length === 0n ? `sectors from ${start} on were` : `${start}+${length} was`;
    throw new TooSmallError(`has ${device.sizeSectors} sectors, but ${asked} asked for`, {
      device: device.path,
      cure: "ask for less, or take a larger device",
    });
  }
  if (start % unit !== 0n || length % unit !== 0n) {
    throw new BlockSizeError(
      `the range ${start}+${length} does not lie on the main device's logical blocks`,
      { device: device.path, cure: `use multiples of ${unit} sectors` },
    );
  }
}

/** Also where one is the disk and the other a partition of it, or both are partitions. */
function checkOverlap(table: RemapTable, main: BlockDevice, spare: BlockDevice): void {
  if (main.disk !== spare.disk) return;
  const mainFirst = main.diskStart + table.mainStart;
  const spareFirst = spare.diskStart + table.spareStart;
  const apart = mainFirst + table.length <= spareFirst ||
    spareFirst + table.spareLength <= mainFirst;
  if (apart) return;
  const same = main.number === spare.number;
  throw new OverlapError(
    same
      ? "the main and the spare range share sectors"
      : `shares sectors with the main device ${main.path}`,
    {
      device: spare.path,
      cure: "take another device as the spare, or give start and length of both ranges",
    },
  );
}

/** What else a spare range, or its whole device, is marked as. @throws {RefusedError} */
export function findSignature(
  table: Pick<RemapTable, "spareStart" | "spareLength">,
  main: BlockDevice,
  spare: BlockDevice,
  system: System,
): SignatureError | undefined {
  const range = {
    offset: table.spareStart * SECTOR_SIZE,
    length: table.spareLength * SECTOR_SIZE,
  };
  // The head of a disk that is its own spare belongs to main: only the spare range is asked then.
  const whole = main.number === spare.number ? undefined : probe(spare, undefined, system);
  const found = whole ??
    (table.spareStart === 0n && main.number !== spare.number
      ? undefined
      : probe(spare, range, system));
  if (found === undefined) return undefined;
  const what = found.ambivalent
    ? `carries several signatures (${found.type})`
    : `carries a signature: ${found.type}` +
      (found.label === undefined ? "" : `, labelled "${found.label}"`);
  return new SignatureError(`${what}; it would be overwritten`, {
    device: spare.path,
    cure: `if it is of no use any more, wipefs --all ${spare.node}`,
  });
}

function probe(
  spare: BlockDevice,
  range: { offset: bigint; length: bigint } | undefined,
  system: System,
): ReturnType<System["probe"]> {
  try {
    return range === undefined ? system.probe(spare.node) : system.probe(spare.node, range);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    if (error.code === "EACCES" || error.code === "EPERM") {
      throw new PermissionError("no permission to read it", {
        device: spare.path,
        cure: "run as root",
        cause: error,
      });
    }
    throw new RefusedError(`cannot be read: ${error.message}`, {
      device: spare.path,
      cure: "take another spare",
      cause: error,
    });
  }
}
