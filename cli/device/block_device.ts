// SPDX-License-Identifier: GPL-2.0-only
import { SystemError } from "../../ffi/errors.ts";
import {
  DeviceNotFoundError,
  NotBlockDeviceError,
  PermissionError,
  ProtocolError,
} from "./errors.ts";
import { type NodeStat, type System, thisSystem } from "./system.ts";

export interface BlockDevice {
  /** As the user wrote it. */
  readonly path: string;
  /** What to open: the path, or the kernel's own name for a number. */
  readonly node: string;
  readonly major: number;
  readonly minor: number;
  /** `major:minor`, as it goes into a table. */
  readonly number: string;
  readonly sizeSectors: bigint;
  /** Sectors in a logical block, 1 or 8 mostly. */
  readonly logicalBlockSectors: bigint;
  readonly readOnly: boolean;
  /** The whole disk that it is, or is a partition of, as `major:minor`. */
  readonly disk: string;
  /** Its first sector on that disk. */
  readonly diskStart: bigint;
}

const SECTOR_SIZE = 512n;

/** Where sysfs tells of a block device. */
export function sysfsOf(number: string): string {
  return `/sys/dev/block/${number}`;
}

/**
 * Looks up a block device by its path, or by `major:minor`.
 * @throws {DeviceNotFoundError | NotBlockDeviceError | PermissionError}
 */
export function resolveBlockDevice(path: string, system: System = thisSystem): BlockDevice {
  const number = /^\d+:\d+$/.test(path) ? path : numberOf(path, system);
  const directory = sysfsOf(number);
  const size = system.read(`${directory}/size`);
  if (size === undefined) {
    throw new DeviceNotFoundError(`there is no block device ${number}`, {
      device: path,
      cure: "lsblk shows the block devices of this machine",
    });
  }
  const real = system.realPath(directory) ?? directory;
  const isPartition = system.read(`${directory}/partition`) !== undefined;
  const diskDirectory = isPartition ? real.slice(0, real.lastIndexOf("/")) : directory;
  const [major, minor] = number.split(":").map(Number) as [number, number];
  return {
    path,
    node: path === number ? `/dev/${kernelName(real)}` : path,
    major,
    minor,
    number,
    sizeSectors: sysfsNumber(size, `${directory}/size`),
    logicalBlockSectors: blockSize(`${diskDirectory}/queue/logical_block_size`, system),
    readOnly: system.read(`${directory}/ro`) === "1",
    disk: isPartition ? system.read(`${diskDirectory}/dev`) ?? number : number,
    diskStart: isPartition
      ? sysfsNumber(system.read(`${directory}/start`) ?? "", `${directory}/start`)
      : 0n,
  };
}

/** Some sectors of a disk, or of a partition of one. */
export interface DeviceRange {
  readonly device: Pick<BlockDevice, "disk" | "diskStart">;
  readonly start: bigint;
  readonly length: bigint;
}

/** Are there sectors of one disk in both? */
export function shareSectors(a: DeviceRange, b: DeviceRange): boolean {
  const [first, other] = [a.device.diskStart + a.start, b.device.diskStart + b.start];
  return a.device.disk === b.device.disk && first < other + b.length && other < first + a.length;
}

/** The last part of a sysfs path; a slash in a device's name is `!` there. */
function kernelName(directory: string): string {
  return directory.slice(directory.lastIndexOf("/") + 1).replaceAll("!", "/");
}

function sysfsNumber(text: string, path: string): bigint {
  if (!/^\d+$/.test(text)) throw new ProtocolError(`"${text}" is no number`, { device: path });
  return BigInt(text);
}

function blockSize(path: string, system: System): bigint {
  return sysfsNumber(system.read(path) ?? "512", path) / SECTOR_SIZE;
}

function numberOf(path: string, system: System): string {
  const node = stat(path, system);
  if (node === undefined) {
    throw new DeviceNotFoundError("no such file or device", {
      device: path,
      cure: "lsblk -p shows the block devices of this machine",
    });
  }
  if (node.kind === "block") return `${node.major}:${node.minor}`;
  const what = {
    character: "is a character device",
    directory: "is a directory",
    file: "is a regular file",
    other: "is a pipe or a socket",
  }[node.kind];
  throw new NotBlockDeviceError(`${what}, not a block device`, {
    device: path,
    cure: node.kind === "file"
      ? `make it one with losetup --find --show ${shellWord(path)}`
      : "lsblk -p shows the block devices of this machine",
  });
}

function stat(path: string, system: System): NodeStat | undefined {
  try {
    return system.stat(path);
  } catch (error) {
    if (error instanceof SystemError && error.code === "EACCES") {
      throw new PermissionError("no permission to look at it", {
        device: path,
        cure: "run as root",
        cause: error,
      });
    }
    throw error;
  }
}

/** A word that a shell reads back as it is. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
