// SPDX-License-Identifier: GPL-2.0-only
// Gives a running device its spare back.
import { DeviceMapperError } from "../../../ffi/errors.ts";
import type { DeviceMapper } from "../../../ffi/libdevmapper.ts";
import { RefusedError } from "../errors.ts";
import { restoreMessage } from "../messages.ts";
import { listRemapDevices, RemapDevice } from "../remap_device.ts";
import { type RemapTable, toTarget } from "../table_line.ts";
import type { Patient } from "./returned.ts";

/** What is under way comes back and waits, rather than that anybody waits for a dead spare. */
const STANDSTILL = { noflush: true, skipLockfs: true } as const;

/** Every active device with metadata. */
export function patientsOf(dm: DeviceMapper): Patient[] {
  return listRemapDevices(dm).flatMap((device) => {
    const table = device.table();
    if (table.features.volatile === true) return [];
    const { major, minor, uuid, readOnly } = device.info();
    const number = `${major}:${minor}`;
    return [{ name: device.name, table, status: device.status(), number, uuid, readOnly }];
  });
}

/** The spare is another block device now. @throws {RefusedError | DeviceMapperError} */
export async function takeUpElsewhere(
  dm: DeviceMapper,
  { name, readOnly }: Patient,
  table: RemapTable,
): Promise<void> {
  try {
    await dm.reload(name, [toTarget(table)], { readOnly });
  } catch (error) {
    if (!(error instanceof DeviceMapperError)) throw error;
    throw new RefusedError("the kernel does not take its line with the spare where it is now", {
      device: name,
      cure: "dmremap-ts kmod status: it takes module 3.1.0 or later; or remove and assemble it",
      cause: error,
    });
  }
  await standStill(dm, name, () => Promise.resolve());
}

/** The spare is the same block device, and writable again: the table is read from it anew. */
export async function takeUpAgain(dm: DeviceMapper, { name }: Patient): Promise<void> {
  const device = RemapDevice.open(dm, name);
  await standStill(dm, name, () => device.send(restoreMessage()));
}

/** A device that was suspended is resumed, whatever happens. */
async function standStill(
  dm: DeviceMapper,
  name: string,
  action: () => Promise<unknown>,
): Promise<void> {
  try {
    await dm.suspend(name, STANDSTILL);
    await action();
  } finally {
    await dm.resume(name);
  }
}
