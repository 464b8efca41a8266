// SPDX-License-Identifier: GPL-2.0-only
// A run that was killed while the device stood still: what the spare says decides how it goes on.
import type { DeviceMapper } from "../../../ffi/libdevmapper.ts";
import { DeviceImage } from "../../metadata/device_image.ts";
import { SECTOR_SIZE } from "../../metadata/format.ts";
import type { Image } from "../../metadata/image.ts";
import { loadMetadata } from "../../metadata/load.ts";
import { readMigrated } from "../../metadata/select.ts";
import type { Superblock } from "../../metadata/superblock.ts";
import { type BlockDevice, resolveBlockDevice } from "../block_device.ts";
import { BusyError, ProtocolError, WrongPairError } from "../errors.ts";
import { identityOf } from "../identity.ts";
import type { RemapDevice } from "../remap_device.ts";
import { type System, thisSystem } from "../system.ts";
import { type RemapTable, toTarget } from "../table_line.ts";
import { linesOver } from "./lines.ts";
import type { Span } from "./range_set.ts";
import { loadTable, putLayerOn } from "./tables.ts";

/** How the device goes on. */
export type Recovery =
  /** Nothing was the matter. */
  | "none"
  /** With the old disk: nothing had been switched. */
  | "old disk"
  /** With the new disk: the switch had been made. */
  | "new disk";

/** What the spare says, and where the new disk lacks content. */
interface Verdict {
  readonly superblock: Superblock;
  readonly switched: boolean;
  readonly retired: boolean;
  readonly missing: readonly Span[];
}

/** Opens what is on a device from a byte on, for reading. */
type Open = (node: string, offset: number) => Image;

/**
 * Sets a device going that stands still with a second table loaded, as a killed run leaves it.
 * @throws {BusyError} if somebody else has suspended it
 * @throws {WrongPairError} if the switch was made to another disk than `path`
 */
export async function recover(
  device: RemapDevice,
  path: string,
  system: System = thisSystem,
  open: Open = (node, offset) => new DeviceImage(node, offset, false),
): Promise<Recovery> {
  const { dm, name } = device;
  const info = device.info();
  const table = device.table();
  if (!info.suspended || table.features.volatile === true) return "none";
  if (!info.inactiveTable) {
    throw new BusyError("is suspended", {
      device: name,
      cure: `see who has done that; dmsetup resume ${name} sets it going again`,
    });
  }
  const known = device.status().extra.get("generation");
  if (known === undefined) {
    throw new ProtocolError("its status tells no generation", { device: name });
  }
  const verdict = judge(table, Number(known), system, open);
  if (!verdict.switched) {
    await dm.clear(name);
    await dm.resume(name);
    return "old disk";
  }
  const target = resolveBlockDevice(path, system);
  checkIsNewDisk(name, target, verdict, system);
  await goOn(dm, name, table, target, verdict);
  return "new disk";
}

function judge(table: RemapTable, known: number, system: System, open: Open): Verdict {
  const spare = resolveBlockDevice(table.spare, system);
  using image = open(spare.node, Number(table.spareStart) * SECTOR_SIZE);
  const moved = readMigrated(image);
  if (moved?.kind === "moved") {
    return { superblock: moved.superblock, switched: true, retired: true, missing: [] };
  }
  const { superblock, extents } = loadMetadata(image);
  // What the kernel knows of is the last that it has written itself.
  const switched = superblock.generation > known;
  const missing = switched
    ? [...extents()].filter(({ state }) => state === "wrong")
      .map(({ first, length }) => ({ first, end: first + length }))
    : [];
  return { superblock, switched, retired: false, missing };
}

function checkIsNewDisk(
  name: string,
  target: BlockDevice,
  { superblock }: Verdict,
  system: System,
): void {
  const id = identityOf(target, system) ?? "";
  const fits = id === superblock.mainId &&
    target.sizeSectors === BigInt(superblock.mainDeviceSectors);
  if (fits) return;
  throw new WrongPairError(
    `stands still since an earlier run, which has switched it to another disk: ` +
      `${superblock.mainId || "one without identity"}, of ${superblock.mainDeviceSectors} sectors`,
    { device: name, cure: "give that disk, and the device goes on with it" },
  );
}

async function goOn(
  dm: DeviceMapper,
  name: string,
  table: RemapTable,
  target: BlockDevice,
  { superblock, retired, missing }: Verdict,
): Promise<void> {
  const disk = { number: target.number, start: superblock.mainStart };
  const plain = linesOver(disk, Number(table.length), missing);
  await loadTable(dm, name, plain);
  await dm.resume(name);
  if (retired) return;
  const line = { ...table, main: target.number, mainStart: BigInt(superblock.mainStart) };
  await putLayerOn(dm, name, toTarget(line), plain);
}
