// SPDX-License-Identifier: GPL-2.0-only
// Which device it is, in all that is needed to make its superblock anew.
import type { DeviceIdentity } from "../store/types.ts";
import { isMigrating, type Superblock } from "../metadata/superblock.ts";
import { type BlockDevice, resolveBlockDevice } from "./block_device.ts";
import { readStoredSuperblock } from "./capture_stored.ts";
import { identityOf } from "./identity.ts";
import type { RemapDevice } from "./remap_device.ts";
import type { OpenSpare } from "./spare/content.ts";
import { dmUuid } from "./spare/owner.ts";
import type { System } from "./system.ts";
import { formatTableParams, type RemapTable } from "./table_line.ts";

const DM_UUID_PREFIX = dmUuid("");
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Of a device in use; a disk that is gone by now is known by what the table says of it. */
export function liveIdentity(
  device: RemapDevice,
  table: RemapTable,
  system: System,
  open: OpenSpare,
): DeviceIdentity {
  const superblock = table.features.volatile === true
    ? undefined
    : readStoredSuperblock(table, open, system);
  const main = find(table.main, system);
  const spare = find(table.spare, system);
  const uuid = table.features.volatile === true
    ? undefined
    : superblock?.uuid ?? uuidOfName(device);
  return {
    name: device.name,
    ...(uuid === undefined ? {} : { uuid }),
    ...predecessor(superblock),
    mainId: mainIdOf(superblock, main, system),
    mainPath: main?.node ?? "",
    mainStart: Number(table.mainStart),
    mainSectors: Number(table.length),
    mainDeviceSectors: superblock?.mainDeviceSectors ??
      Number(main?.sizeSectors ?? table.mainStart + table.length),
    blockSectors: superblock?.blockSectors ?? Number(main?.logicalBlockSectors ?? 1n),
    sparePath: spare?.node ?? "",
    spareStart: Number(table.spareStart),
    spareSectors: Number(table.spareLength),
    spareDeviceSectors: superblock?.spareDeviceSectors ??
      Number(spare?.sizeSectors ?? table.spareStart + table.spareLength),
    args: formatTableParams(table).split(" ").slice(5).join(" "),
  };
}

/** Of a spare that is not in use. */
export function storedIdentity(superblock: Superblock, sparePath: string): DeviceIdentity {
  return {
    name: superblock.name,
    uuid: superblock.uuid,
    ...predecessor(superblock),
    mainId: superblock.mainId,
    mainPath: "",
    mainStart: superblock.mainStart,
    mainSectors: superblock.mainSectors,
    mainDeviceSectors: superblock.mainDeviceSectors,
    blockSectors: superblock.blockSectors,
    sparePath,
    spareStart: superblock.spareStart,
    spareSectors: superblock.spareSectors,
    spareDeviceSectors: superblock.spareDeviceSectors,
    args: superblock.args,
  };
}

function predecessor(superblock: Superblock | undefined): { predecessorUuid?: string } {
  // While a migration from it goes on, the link leads to where the content shall be.
  const isHeir = superblock !== undefined && !isMigrating(superblock);
  const uuid = isHeir ? superblock.linkedUuid : "";
  return uuid === "" ? {} : { predecessorUuid: uuid };
}

function mainIdOf(
  superblock: Superblock | undefined,
  main: BlockDevice | undefined,
  system: System,
): string {
  if (superblock !== undefined && superblock.mainId !== "") return superblock.mainId;
  return (main === undefined ? undefined : identityOf(main, system)) ?? "";
}

/** The dm UUID has the metadata's in it, unless the user chose another. */
function uuidOfName(device: RemapDevice): string | undefined {
  const { uuid } = device.info();
  const rest = uuid.startsWith(DM_UUID_PREFIX) ? uuid.slice(DM_UUID_PREFIX.length) : "";
  return UUID.test(rest) ? rest : undefined;
}

function find(number: string, system: System): BlockDevice | undefined {
  try {
    return resolveBlockDevice(number, system);
  } catch {
    return undefined;
  }
}
