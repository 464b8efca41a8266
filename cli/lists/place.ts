// SPDX-License-Identifier: GPL-2.0-only
// From the bytes of a disk to the sectors of a device that lies on it, and back.
import { mergeRanges, type SectorRange } from "../device/sectors.ts";
import type { Area } from "./area.ts";

export const SECTOR_BYTES = 512n;

/** Where the device lies on what the list is of. All in sectors. */
export interface Frame {
  /** Sector of the disk at which the device begins. */
  readonly start: bigint;
  /** Of the device. */
  readonly length: bigint;
  /** The logical block: what is relocated is whole blocks. */
  readonly blockSectors: bigint;
}

/** The part of a list that lies on the device. */
export interface Placed {
  /** Whole logical blocks, ascending, apart from each other. */
  readonly ranges: readonly SectorRange[];
  /** In all ranges. */
  readonly sectors: bigint;
  /** How many areas lie wholly or partly elsewhere. */
  readonly elsewhere: number;
}

/** A sector that is bad in part is bad, and so is a logical block. */
export function placeAreas(areas: readonly Area[], frame: Frame): Placed {
  const { start, length, blockSectors } = frame;
  const whole: SectorRange[] = [];
  let elsewhere = 0;
  for (const area of areas) {
    const from = area.start / SECTOR_BYTES - start;
    const to = (area.start + area.length + SECTOR_BYTES - 1n) / SECTOR_BYTES - start;
    if (from < 0n || to > length) elsewhere++;
    const first = max(0n, from) / blockSectors * blockSectors;
    const end = min(length, (to + blockSectors - 1n) / blockSectors * blockSectors);
    if (end > first && to > 0n) whole.push({ first, count: end - first });
  }
  const ranges = mergeRanges(whole);
  return { ranges, sectors: ranges.reduce((sum, { count }) => sum + count, 0n), elsewhere };
}

/** The first area that is not wholly before the end of a disk, but for a part of its last block. */
export function firstBeyond(
  areas: readonly Area[],
  sizeBytes: bigint,
  blockSize: bigint,
): Area | undefined {
  return areas.find(({ start, length }) =>
    start >= sizeBytes || start + length >= sizeBytes + max(blockSize, 1n)
  );
}

/** The sectors of a device as bytes of what it lies on. */
export function areasOf(ranges: readonly SectorRange[], start: bigint): Area[] {
  return ranges.map(({ first, count }) => ({
    start: (first + start) * SECTOR_BYTES,
    length: count * SECTOR_BYTES,
  }));
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
