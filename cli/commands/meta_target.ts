// SPDX-License-Identifier: GPL-2.0-only
// The devices and files that the `meta` commands work on, and the errors they come with.
import { SystemError } from "../../ffi/errors.ts";
import { type BlockDevice, resolveBlockDevice } from "../device/block_device.ts";
import {
  DeviceError,
  DeviceNotFoundError,
  HeldError,
  MetadataDamagedError,
  NotBlockDeviceError,
  PermissionError,
  RefusedError,
} from "../device/errors.ts";
import { findUse } from "../device/in_use.ts";
import { type NodeStat, type System, thisSystem } from "../device/system.ts";
import { type Image, openImage, ShortImageError } from "../metadata/image.ts";
import { MetadataError } from "../metadata/problem.ts";

/** What to open. */
export interface Target {
  readonly path: string;
  /** Where the spare range begins. */
  readonly start?: bigint;
}

/** The option that all of them share: where a spare range does not begin with its device. */
export const START_OPTION = [
  "--start <sector>",
  "where the spare range begins on DEV (default: 0)",
] as const;

/**
 * Opens a device or a file, with errors that say what to do.
 * @throws {DeviceError}
 */
export function openTarget({ path, start = 0n }: Target, write = false): Image {
  requireKind(path);
  try {
    return openImage(path, { write, startSectors: Number(start) });
  } catch (error) {
    throw inWords(error, path);
  }
}

/** A block device, or `undefined` for a file. */
function requireKind(path: string): NodeStat["kind"] {
  let node: NodeStat | undefined;
  try {
    node = thisSystem.stat(path);
  } catch (error) {
    throw inWords(error, path);
  }
  if (node === undefined) {
    throw new DeviceNotFoundError("no such file or device", {
      device: path,
      cure: "lsblk -p shows the block devices of this machine",
    });
  }
  if (node.kind === "block" || node.kind === "file") return node.kind;
  const what = node.kind === "directory"
    ? "is a directory"
    : node.kind === "character"
    ? "is a character device"
    : "is a pipe or a socket";
  throw new NotBlockDeviceError(`${what}, neither a block device nor a file with an image`, {
    device: path,
    cure: "give the spare device, or an image of it",
  });
}

/** Errors of files, devices and metadata as this program's own. */
export function inWords(error: unknown, path: string): unknown {
  if (error instanceof DeviceError || !(error instanceof Error)) return error;
  const cause = { cause: error };
  if (error instanceof MetadataError) {
    const [first] = error.problems;
    if (first === undefined) {
      return new MetadataDamagedError("there is no metadata", { device: path, ...cause });
    }
    const more = error.problems.length > 1 ? `, and ${error.problems.length - 1} more` : "";
    return new MetadataDamagedError(`${first.where}: ${first.message}${more}`, {
      device: path,
      cure: first.cure.replace(/^run: /, ""),
    });
  }
  if (error instanceof ShortImageError) {
    return new RefusedError(`ends before byte ${error.offset}`, {
      device: path,
      cure: "an image has to be as long as the device it is of",
    });
  }
  const code = error instanceof SystemError ? error.code : undefined;
  if (code === "EBUSY") {
    return new HeldError("is in use", { device: path, cure: "stop what holds it first", ...cause });
  }
  const denied = code === "EACCES" || code === "EPERM";
  if (denied || error instanceof Deno.errors.PermissionDenied) {
    return new PermissionError("no permission", { device: path, cure: "run as root", ...cause });
  }
  return error;
}

/** Where every use of a device is looked for, but nothing is opened to be alone with it. */
const ONLOOKER: System = { ...thisSystem, claim: () => 0 };

/** What a place that is no spare holds instead; a guess that may fail in silence. */
export function signatureOn({ path, start = 0n }: Target): string | undefined {
  try {
    return (start === 0n
      ? thisSystem.probe(path)
      : thisSystem.probe(path, { offset: start * 512n, length: 0n }))?.type;
  } catch {
    return undefined;
  }
}

/** What uses a device, or a file through a loop device; nothing is claimed for it. */
export function useOf(path: string): string | undefined {
  const [use] = devicesOver(path).flatMap((device) => findUse(device, ONLOOKER) ?? []);
  return use?.reason;
}

/**
 * Refuses what is mounted, held or active.
 * @throws {BusyError}
 */
export function requireUnused(path: string): void {
  for (const device of devicesOver(path)) {
    const use = findUse(device, thisSystem);
    if (use !== undefined) throw use;
  }
}

/** The device itself; of a file the loop devices that show it. */
function devicesOver(path: string): BlockDevice[] {
  if (requireKind(path) === "block") return [resolveBlockDevice(path)];
  const real = thisSystem.realPath(path);
  return thisSystem.list("/sys/block").flatMap((name) => {
    const file = thisSystem.read(`/sys/block/${name}/loop/backing_file`);
    if (file === undefined || file !== real) return [];
    const node = `/dev/${name}`;
    const number = thisSystem.read(`/sys/block/${name}/dev`) ?? "";
    return [resolveBlockDevice(thisSystem.realPath(node) === undefined ? number : node)];
  });
}
