// SPDX-License-Identifier: GPL-2.0-only
// Which main device a table belongs to.
import type { Superblock } from "../../metadata/superblock.ts";
import type { BlockDevice } from "../block_device.ts";
import {
  AmbiguousError,
  BlockSizeError,
  DeviceNotFoundError,
  OverlapError,
  RefusedError,
  WrongPairError,
} from "../errors.ts";
import { identitiesOf } from "../identity.ts";
import { geometryDifference, geometryOf, printable, tableName, tableOf } from "../spare/owner.ts";
import type { System } from "../system.ts";
import { blockDevices } from "./find.ts";

/** A device, and what it is known by. */
export interface Candidate {
  readonly device: BlockDevice;
  readonly identities: readonly string[];
}

export function candidatesOf(system: System): Candidate[] {
  return blockDevices(system).map((device) => ({
    device,
    identities: identitiesOf(device, system),
  }));
}

/** A table, and where it lies. */
export interface TablePlace {
  readonly superblock: Superblock;
  readonly spare: BlockDevice;
  readonly start: bigint;
}

/**
 * The one device that has the identity in the superblock.
 * @throws {DeviceNotFoundError | AmbiguousError | WrongPairError}
 */
export function matchMain(
  { superblock, spare, start }: TablePlace,
  candidates: readonly Candidate[],
): BlockDevice {
  const { mainId } = superblock;
  const named = printable(mainId);
  const table = `the table ${tableName(superblock)}`;
  if (mainId === "") {
    throw new RefusedError(`${table} does not say which main device it belongs to`, {
      device: spare.path,
      cure: "name it with --main",
    });
  }
  const matching = candidates.filter(({ identities }) => identities.includes(mainId));
  const [first, second] = matching;
  if (first === undefined) {
    throw new DeviceNotFoundError(`the main device ${named} of ${table} is not there`, {
      device: spare.path,
      cure: "plug it in; `lsblk -o +WWN,SERIAL,PARTUUID` shows what is there",
    });
  }
  if (second !== undefined) {
    const names = matching.map(({ device }) => device.node).join(", ");
    throw new AmbiguousError(
      `several devices are the main device ${named} of ${table}: ${names}`,
      {
        device: spare.path,
        cure: "unplug the copy, or name the right one with --main",
      },
    );
  }
  checkPair({ superblock, spare, start }, first.device);
  return first.device;
}

/**
 * Whether a device that the user named can be the main device.
 * @param force the user knows better than the identity that was written down; sizes have to fit
 * @returns what `force` went over
 * @throws {WrongPairError}
 */
export function checkNamedMain(
  place: TablePlace,
  { device, identities }: Candidate,
  force: boolean,
): string | undefined {
  const { mainId } = place.superblock;
  const differs = mainId !== "" && !identities.includes(mainId);
  const words = `${identities.length === 0 ? "has no identity" : `is ${identities.join(", ")}`}, ` +
    `but the table ${tableName(place.superblock)} on ${place.spare.path} belongs to ` +
    printable(mainId);
  if (differs && !force) {
    throw new WrongPairError(words, {
      device: device.path,
      cure: "name the right pair with --main and --spare; or --force, if it is the same data in " +
        "another enclosure or on another disk",
    });
  }
  checkPair(place, device);
  return differs ? `${device.path} ${words}` : undefined;
}

/** Sizes as they were. @throws {WrongPairError | BlockSizeError} */
function checkPair({ superblock, spare, start }: TablePlace, main: BlockDevice): void {
  if (spare.logicalBlockSectors > main.logicalBlockSectors) {
    throw new BlockSizeError(`has larger logical blocks than its main device ${main.path}`, {
      device: spare.path,
      cure: "attach the spare in the way that it was attached before",
    });
  }
  const table = { ...tableOf(superblock, main, spare, start), features: {} };
  const difference = geometryDifference(superblock, geometryOf(table, main, spare));
  if (difference !== undefined) {
    throw new WrongPairError(`the table ${tableName(superblock)} ${difference}`, {
      device: spare.path,
      cure: `main ${main.path} or the spare was resized or exchanged: undo that`,
    });
  }
  const end = start + BigInt(superblock.spareSectors);
  const mainEnd = BigInt(superblock.mainStart + superblock.mainSectors);
  if (main.number === spare.number && start < mainEnd && end > BigInt(superblock.mainStart)) {
    throw new OverlapError(`the table ${tableName(superblock)} lies inside its main range`, {
      device: spare.path,
      cure: "name the right pair of devices with --main and --spare",
    });
  }
}
