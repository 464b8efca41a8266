// SPDX-License-Identifier: GPL-2.0-only
// Looks for spares on every block device of the machine.
import { openImage } from "../../metadata/image.ts";
import { type BlockDevice, resolveBlockDevice, sysfsOf } from "../block_device.ts";
import { DeviceError } from "../errors.ts";
import {
  type OpenSpare,
  readContent,
  type SpareContent,
  spareUnreadable,
} from "../spare/content.ts";
import type { System } from "../system.ts";
import type { RemapTable } from "../table_line.ts";
import { readPlaces } from "./places.ts";

/** A spare range that holds something of ours. */
export interface FoundSpare {
  readonly device: BlockDevice;
  readonly start: bigint;
  readonly content: Exclude<SpareContent, { kind: "none" }>;
}

export interface Search {
  readonly found: readonly FoundSpare[];
  /** Devices that could not be looked at, and lines that could not be read. */
  readonly remarks: readonly string[];
}

/** Every block device that has a size, in the order of the kernel's names. */
export function blockDevices(system: System): BlockDevice[] {
  return system.list("/sys/class/block").flatMap((name) => {
    const number = system.read(`/sys/class/block/${name}/dev`);
    if (number === undefined) return [];
    const device = attempt(() => resolveBlockDevice(number, system));
    return device === undefined || device.sizeSectors === 0n
      ? []
      : [{ ...device, path: device.node }];
  });
}

/** What a driver holds is part of something else: the same bytes show up again in that. */
function isHeld(device: BlockDevice, system: System): boolean {
  return system.list(`${sysfsOf(device.number)}/holders`).length > 0;
}

/**
 * The spares at the start of devices that nobody holds, and those in the places of the file. Writes
 * nothing.
 */
export function findSpares(system: System, open: OpenSpare = openImage): Search {
  const { places, wrong } = readPlaces(system);
  const remarks = wrong.map((line) => `not understood: ${line}`);
  const found: FoundSpare[] = [];
  const look = (device: BlockDevice, start: bigint) => {
    const seen = found.some((spare) =>
      spare.device.number === device.number && spare.start === start
    );
    if (seen) return;
    try {
      const content = contentAt(device, start, open);
      if (content.kind !== "none") found.push({ device, start, content });
    } catch (error) {
      remarks.push(error instanceof Error ? error.message : String(error));
    }
  };
  for (const device of blockDevices(system)) {
    if (!isHeld(device, system)) look(device, 0n);
  }
  for (const { path, start } of places) {
    try {
      look(resolveBlockDevice(path, system), start);
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      remarks.push(error.message);
    }
  }
  return { found, remarks };
}

/** The spares that active devices use; one that is gone or cannot be read is left out. */
export function sparesOf(
  active: readonly { readonly table: RemapTable }[],
  system: System,
  open: OpenSpare,
): FoundSpare[] {
  return active.flatMap(({ table: { spare, spareStart } }) => {
    const device = attempt(() => resolveBlockDevice(spare, system));
    const content = device && attempt(() => contentAt(device, spareStart, open));
    return device === undefined || content === undefined || content.kind === "none"
      ? []
      : [{ device, start: spareStart, content }];
  });
}

/** @throws {DeviceError} if it cannot be read */
export function contentAt(
  device: BlockDevice,
  start: bigint,
  open: OpenSpare = openImage,
): SpareContent {
  try {
    using image = open(device.node, { startSectors: Number(start) });
    return readContent(image);
  } catch (error) {
    throw spareUnreadable(device.path, error);
  }
}

function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}
