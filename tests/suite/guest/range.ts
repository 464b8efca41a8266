// SPDX-License-Identifier: GPL-2.0-only

/** Sectors are plain numbers here: the devices are small. */
export interface Range {
  readonly first: number;
  readonly count: number;
}

export function* sectorsOf({ first, count }: Range): Generator<number> {
  for (let sector = first; sector < first + count; sector++) yield sector;
}

/** Joins neighbours, in order. */
export function toRanges(sectors: Iterable<number>): Range[] {
  const ranges: { first: number; count: number }[] = [];
  for (const sector of [...sectors].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && last.first + last.count === sector) last.count++;
    else ranges.push({ first: sector, count: 1 });
  }
  return ranges;
}
