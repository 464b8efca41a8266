// SPDX-License-Identifier: GPL-2.0-only
import type { DeviceIdentity } from "./types.ts";

/**
 * Is it one device, whatever it was called? It keeps the identity of its main device when it gets
 * another spare, and the UUID of its metadata when it gets another main device.
 */
export function isSameDevice(left: DeviceIdentity, right: DeviceIdentity): boolean {
  if (left.blockSectors !== right.blockSectors) return false;
  if (left.mainSectors !== right.mainSectors) return false;
  if (shareUuid(left, right)) return true;
  if (left.mainStart !== right.mainStart) return false;
  if (left.mainDeviceSectors !== right.mainDeviceSectors) return false;
  if (left.mainId !== "" || right.mainId !== "") return left.mainId === right.mainId;
  // Two tables of their own; without any, the name and the path are all there is to go by.
  if (left.uuid !== undefined || right.uuid !== undefined) return false;
  return left.name === right.name && left.mainPath === right.mainPath;
}

function shareUuid(left: DeviceIdentity, right: DeviceIdentity): boolean {
  const known = [left.uuid, left.predecessorUuid].filter((uuid) => uuid !== undefined);
  return known.some((uuid) => uuid === right.uuid || uuid === right.predecessorUuid);
}
