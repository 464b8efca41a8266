// SPDX-License-Identifier: GPL-2.0-only
// Spares that active devices have lost: how that shows, and whether a spare that is there is the one.
import { openImage } from "../../metadata/image.ts";
import { loadMetadata, MetadataError } from "../../metadata/load.ts";
import type { Superblock } from "../../metadata/superblock.ts";
import { type BlockDevice, resolveBlockDevice, sysfsOf } from "../block_device.ts";
import { RefusedError, WrongPairError } from "../errors.ts";
import { identitiesOf } from "../identity.ts";
import type { Place } from "../messages.ts";
import type { OpenSpare } from "../spare/content.ts";
import { dmUuid, geometryDifference, geometryOf, printable } from "../spare/owner.ts";
import type { RemapStatus } from "../status_line.ts";
import type { System } from "../system.ts";
import type { RemapTable } from "../table_line.ts";
import type { FoundSpare } from "./find.ts";
import { firstDifference } from "./same_table.ts";

/** An active device and what it says of itself. */
export interface Patient {
  readonly name: string;
  readonly table: RemapTable;
  readonly status: RemapStatus;
  /** Its own `major:minor`. */
  readonly number: string;
  readonly uuid: string;
  readonly readOnly: boolean;
}

/**
 * `gone`: the block device of its table is not there any more. `read-only`: it is, and the table on it
 * could not be written once.
 */
export type SpareLoss = "gone" | "read-only";

/** Whether a device has lost its spare. */
export function lossOf(
  { table, status, number, readOnly }: Patient,
  system: System,
): SpareLoss | undefined {
  const directory = sysfsOf(table.spare);
  const size = system.read(`${directory}/size`);
  // A disk that was pulled out has no size, and one that took its number is held by nobody.
  if (size === undefined || size === "0") return "gone";
  const holders = system.list(`${directory}/holders`)
    .map((name) => system.read(`${directory}/holders/${name}/dev`));
  if (!holders.includes(number)) return "gone";
  return status.mode === "ro" && !readOnly ? "read-only" : undefined;
}

/** Has the superblock on a spare the name and the main device of this device? */
export function isOf({ name, table }: Patient, spare: FoundSpare, system: System): boolean {
  const superblock = superblockOf(spare);
  if (superblock === undefined || superblock.name !== name) return false;
  if (spare.start !== table.spareStart) return false;
  if (superblock.mainId === "") return true;
  try {
    const main = resolveBlockDevice(table.main, system);
    return identitiesOf(main, system).includes(superblock.mainId);
  } catch (error) {
    // Main is gone as well.
    if (error instanceof RefusedError) return false;
    throw error;
  }
}

function superblockOf({ content }: FoundSpare): Superblock | undefined {
  return content.kind === "sound" || content.kind === "damaged" ? content.superblock : undefined;
}

/**
 * Everything that the kernel will demand, and more: a line that it refuses when it is resumed leaves
 * the device without any.
 * @param live where the device itself says that its sectors are
 * @throws {WrongPairError | RefusedError}
 */
export async function checkReturned(
  patient: Patient,
  spare: FoundSpare,
  live: AsyncIterable<Place>,
  system: System,
  open: OpenSpare = openImage,
): Promise<void> {
  const { device, start } = spare;
  const refuse = (reason: string, cure: string): never => {
    throw new WrongPairError(`is not taken up again by ${patient.name}: ${reason}`, {
      device: device.node,
      cure,
    });
  };
  const main = resolveBlockDevice(patient.table.main, system);
  checkSuperblock(patient, spare, main, refuse);
  using image = open(device.node, { startSectors: Number(start) });
  try {
    const { extents } = loadMetadata(image);
    const different = await firstDifference(live, extents(), start);
    if (different === undefined) return;
    refuse(
      `it does not know what became of sector ${different}`,
      "it is an old copy, or was changed meanwhile: plug in the right one",
    );
  } catch (error) {
    if (!(error instanceof MetadataError)) throw error;
    refuse("its metadata is damaged", `dmremap-ts meta check ${device.node}`);
  }
}

function checkSuperblock(
  { name, table, status, uuid }: Patient,
  { device, content }: FoundSpare,
  main: BlockDevice,
  refuse: (reason: string, cure: string) => never,
): void {
  const wrong = "plug in the spare that it had; dmremap-ts meta check tells what this one is";
  if (content.kind !== "sound") return refuse("its metadata cannot be loaded", wrong);
  const { superblock } = content;
  // After a migration the device still has the UUID of the set that it began with.
  const isKnown = uuid.startsWith(dmUuid("")) && superblock.linkedUuid === "";
  if (isKnown && uuid !== dmUuid(superblock.uuid)) {
    refuse(`it holds set ${superblock.uuid}, and ${name} is ${printable(uuid)}`, wrong);
  }
  const difference = geometryDifference(superblock, geometryOf(table, main, device));
  if (difference !== undefined) refuse(`its table ${difference}`, wrong);
  const generation = Number(status.extra.get("generation") ?? NaN);
  const at = `it has generation ${superblock.generation}, and ${name} has ${generation}`;
  if (superblock.generation < generation) refuse(`${at}: an old copy`, wrong);
  // One more: a superblock that was written although the spare could not say so any more.
  if (superblock.generation > generation + (status.mode === "ro" ? 1 : 0)) {
    refuse(
      `${at}: somebody has written it meanwhile`,
      `remove ${name} and assemble it again, if that is what you meant`,
    );
  }
}

/**
 * The line with the spare where it is now.
 * @throws {RefusedError} where the kernel would take the dead device for it: dm opens none twice
 */
export function tableWith({ name, table }: Patient, spare: BlockDevice): RemapTable {
  if (spare.number !== table.spare) return { ...table, spare: spare.number };
  throw new RefusedError(
    `its spare ${spare.node} is there again, under the number ${spare.number} that the dead one ` +
      "has as long as it is in use",
    { device: name, cure: `dmremap-ts remove ${name}, then dmremap-ts assemble ${name}` },
  );
}

/** What to say where the spare of a device is not there. */
export function spareMissing({ name, table, status }: Patient): RefusedError {
  return new RefusedError(
    `its spare ${table.spare} is gone: ${status.remapped} relocated sectors cannot be read`,
    { device: name, cure: `plug it in again, then: dmremap-ts assemble ${name}` },
  );
}
