// SPDX-License-Identifier: GPL-2.0-only
// What there is to do around a migration: what it lost, and what still holds or names the old spare.
import type { DeviceMapper } from "../../../ffi/libdevmapper.ts";
import type { RemapDevice } from "../remap_device.ts";
import type { SectorRange } from "../sectors.ts";

/** The sectors without content, in order. */
export async function lostSectors(device: RemapDevice): Promise<SectorRange[]> {
  const ranges: SectorRange[] = [];
  for await (const { sector, count, place } of device.entries()) {
    if (place !== "lost") continue;
    const last = ranges.at(-1);
    if (last !== undefined && last.first + last.count === sector) {
      ranges[ranges.length - 1] = { first: last.first, count: last.count + count };
    } else ranges.push({ first: sector, count });
  }
  return ranges;
}

/** What is in the second list and not in the first; both ascend. */
export function newlyLost(
  before: readonly SectorRange[],
  after: readonly SectorRange[],
): SectorRange[] {
  const found: SectorRange[] = [];
  let at = 0;
  for (const { first, count } of after) {
    const end = first + count;
    let from = first;
    while (at < before.length && before[at]!.first + before[at]!.count <= from) at++;
    for (let index = at; index < before.length && before[index]!.first < end; index++) {
      const known = before[index]!;
      if (known.first > from) found.push({ first: from, count: known.first - from });
      from = known.first + known.count;
    }
    if (from < end) found.push({ first: from, count: end - from });
  }
  return found;
}

/** Devices that the kernel keeps open for a table that does not name them any more. */
function heldBesides(dm: DeviceMapper, device: RemapDevice): string[] {
  const { main, spare } = device.table();
  return dm.deps(device.name).map(({ major, minor }) => `${major}:${minor}`)
    .filter((number) => number !== main && number !== spare);
}

/** How often, and how many milliseconds apart, it is looked whether the kernel has let go. */
const LOOKS = 50;
const BETWEEN_MS = 100;

/**
 * Has the kernel let go of the old spare: it does so some moments after the device has stood still.
 * @returns what it has let go of
 */
export async function letGo(dm: DeviceMapper, device: RemapDevice): Promise<string[]> {
  const held = heldBesides(dm, device);
  if (held.length === 0) return [];
  try {
    await dm.suspend(device.name, { noflush: true, skipLockfs: true });
  } finally {
    await dm.resume(device.name);
  }
  let left = heldBesides(dm, device);
  for (let look = 0; look < LOOKS && left.length > 0; look++) {
    await new Promise((resolve) => setTimeout(resolve, BETWEEN_MS));
    left = heldBesides(dm, device);
  }
  return held.filter((number) => !left.includes(number));
}
