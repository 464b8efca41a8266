// SPDX-License-Identifier: GPL-2.0-only
// Does metadata say of every relocated sector what a device says of it?
import { type Extent, hasSlot } from "../../metadata/extent.ts";
import type { Place } from "../messages.ts";

/**
 * The first sector that a device has on its spare and the metadata has elsewhere, or nowhere. What
 * only the metadata knows is no difference: a change that the device could not see to its end.
 * @param live in order
 * @param extents in order, bad slots last
 * @param spareStart where the range begins on the spare device
 */
export async function firstDifference(
  live: AsyncIterable<Place>,
  extents: Iterable<Extent>,
  spareStart: bigint,
): Promise<bigint | undefined> {
  const slots = slotted(extents);
  let extent = slots.next().value;
  for await (const { sector, count, spareSector } of live) {
    if (spareSector === undefined) continue;
    for (let at = sector; at < sector + count;) {
      while (extent !== undefined && BigInt(extent.first + extent.length) <= at) {
        extent = slots.next().value;
      }
      if (extent === undefined || BigInt(extent.first) > at) return at;
      const slot = spareStart + BigInt(extent.slot) + at - BigInt(extent.first);
      if (slot !== spareSector + at - sector) return at;
      at = BigInt(extent.first + extent.length);
    }
  }
  return undefined;
}

function* slotted(extents: Iterable<Extent>): Generator<Extent, undefined> {
  for (const extent of extents) {
    if (extent.state !== "bad" && hasSlot(extent.state)) yield extent;
  }
}
