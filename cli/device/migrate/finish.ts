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
export function heldBesides(dm: DeviceMapper, device: RemapDevice): string[] {
  const { main, spare } = device.table();
  return dm.deps(device.name).map(({ major, minor }) => `${major}:${minor}`)
    .filter((number) => number !== main && number !== spare);
}

/** Has the kernel let go of the old spare: it does so when the device stands still for a moment. */
export async function letGo(dm: DeviceMapper, name: string): Promise<void> {
  try {
    await dm.suspend(name, { noflush: true, skipLockfs: true });
  } finally {
    await dm.resume(name);
  }
}
