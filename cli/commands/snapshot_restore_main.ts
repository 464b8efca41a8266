// SPDX-License-Identifier: GPL-2.0-only
// Is it the main device that a snapshot is of?
import { candidatesOf } from "../device/assemble/match.ts";
import { type BlockDevice, resolveBlockDevice } from "../device/block_device.ts";
import { AmbiguousError, WrongPairError } from "../device/errors.ts";
import { identitiesOf } from "../device/identity.ts";
import { printable } from "../device/spare/owner.ts";
import { type System, thisSystem } from "../device/system.ts";
import type { DeviceIdentity } from "../store/types.ts";

/** The main device, and whether it could be told from others. */
export interface CheckedMain {
  readonly path: string;
  /** By a serial number or the like; sizes alone fit many disks. */
  readonly identified: boolean;
}

/**
 * The device that the user names, or the one that has the identity in the snapshot, if it is there.
 * @throws {WrongPairError | AmbiguousError | DeviceNotFoundError}
 */
export function checkMain(
  device: DeviceIdentity,
  path: string | undefined,
  system: System = thisSystem,
): CheckedMain | undefined {
  if (path !== undefined) {
    const main = resolveBlockDevice(path, system);
    checkIdentity(device, main, identitiesOf(main, system));
    checkSizes(device, main);
    return { path, identified: device.mainId !== "" };
  }
  if (device.mainId === "") return undefined;
  const found = candidatesOf(system).filter(({ identities }) => identities.includes(device.mainId));
  const [first, second] = found;
  if (first === undefined) return undefined;
  if (second !== undefined) {
    const names = found.map(({ device: { node } }) => node).join(", ");
    throw new AmbiguousError(
      `several devices are the main device ${printable(device.mainId)}: ${names}`,
      { device: device.name, cure: "unplug the copy, or name the right one with --main" },
    );
  }
  checkSizes(device, first.device);
  return { path: first.device.node, identified: true };
}

function checkIdentity(
  { mainId, name }: DeviceIdentity,
  { path }: BlockDevice,
  identities: readonly string[],
): void {
  if (mainId === "" || identities.includes(mainId)) return;
  const is = identities.length === 0 ? "has no identity" : `is ${identities.join(", ")}`;
  throw new WrongPairError(
    `${is}, but the snapshot of ${printable(name)} belongs to ${printable(mainId)}`,
    { device: path, cure: "name the right main device, or restore a snapshot of this one" },
  );
}

function checkSizes(device: DeviceIdentity, main: BlockDevice): void {
  const pairs = [
    ["sectors", device.mainDeviceSectors, main.sizeSectors],
    ["sectors in a logical block", device.blockSectors, main.logicalBlockSectors],
  ] as const;
  for (const [words, then, now] of pairs) {
    if (BigInt(then) === now) continue;
    throw new WrongPairError(
      `has ${now} ${words}, but the main device of ${printable(device.name)} had ${then}`,
      { device: main.path, cure: "restore a snapshot of this very device" },
    );
  }
}
