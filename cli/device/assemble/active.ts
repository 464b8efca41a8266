// SPDX-License-Identifier: GPL-2.0-only
// Which tables are in use already.
import type { DeviceMapper } from "../../../ffi/libdevmapper.ts";
import { resolveBlockDevice } from "../block_device.ts";
import { NameTakenError } from "../errors.ts";
import { listRemapDevices } from "../remap_device.ts";
import { type System, thisSystem } from "../system.ts";
import type { RemapTable } from "../table_line.ts";
import type { AssembleOptions } from "./plan.ts";

export interface ActiveDevice {
  readonly name: string;
  readonly table: RemapTable;
}

/** Every remap device with metadata. */
export function activeDevices(dm: DeviceMapper): ActiveDevice[] {
  return listRemapDevices(dm).map((device) => ({ name: device.name, table: device.table() }))
    .filter(({ table }) => table.features.volatile !== true);
}

/**
 * The device of that name, if it is active with what the user asked for.
 * @throws {NameTakenError} if something else has the name
 */
export function activeAs(
  dm: DeviceMapper,
  name: string,
  options: AssembleOptions,
  system: System = thisSystem,
): ActiveDevice | undefined {
  if (dm.info(name) === undefined) return undefined;
  const active = activeDevices(dm).find((device) => device.name === name);
  const numberOf = (path: string) => resolveBlockDevice(path, system).number;
  const fits = active !== undefined &&
    (options.spare === undefined || numberOf(options.spare) === active.table.spare &&
        (options.spareStart ?? 0n) === active.table.spareStart) &&
    (options.main === undefined || numberOf(options.main) === active.table.main);
  if (fits) return active;
  throw new NameTakenError(
    active === undefined
      ? "another dm device has that name"
      : `that device is active already, with main ${active.table.main} and spare ` +
        active.table.spare,
    { device: name, cure: "give another name, or remove that device first" },
  );
}
