// SPDX-License-Identifier: GPL-2.0-only
// Sectors that are pending before their device has met them.
import type { Extent } from "../../metadata/extent.ts";
import { MAX_RUN } from "../../metadata/format.ts";
import { openImage } from "../../metadata/image.ts";
import { layoutOf, pendingRoom } from "../../metadata/layout.ts";
import { loadMetadata } from "../../metadata/load.ts";
import { type Geometry, writeMetadata } from "../../metadata/write.ts";
import { TooSmallError } from "../errors.ts";
import type { SectorRange } from "../sectors.ts";
import type { OpenSpare } from "./content.ts";
import type { PersistentPlan } from "./prepare.ts";

/** The entries that these sectors make in a table. */
function* pendingExtents(ranges: readonly SectorRange[]): Generator<Extent> {
  for (const range of ranges) {
    const [first, count] = [Number(range.first), Number(range.count)];
    for (let at = 0; at < count; at += MAX_RUN) {
      const length = Math.min(MAX_RUN, count - at);
      yield { first: first + at, length, slot: 0, state: "pending" };
    }
  }
}

/** @throws {TooSmallError} if a table on that spare has no room for so many */
export function requirePendingRoom(
  spare: string,
  { spareSectors, blockSectors }: Geometry,
  ranges: readonly SectorRange[],
): void {
  const room = pendingRoom(layoutOf(spareSectors, blockSectors), blockSectors);
  const entries = ranges.reduce((sum, { count }) => sum + Math.ceil(Number(count) / MAX_RUN), 0);
  if (entries <= room) return;
  throw new TooSmallError(`its table has room for ${room} pending areas, not for ${entries}`, {
    device: spare,
    cure: "see that the list is of this disk and in the right block size, or take a larger spare",
  });
}

/** Writes them into a table that was formatted a moment ago. @throws {SystemError} */
export function writePending(
  plan: PersistentPlan,
  ranges: readonly SectorRange[],
  open: OpenSpare = openImage,
): void {
  using image = open(plan.spare.node, {
    startSectors: Number(plan.table.spareStart),
    write: true,
  });
  const { superblock } = loadMetadata(image);
  writeMetadata(image, superblock, pendingExtents(ranges));
}
