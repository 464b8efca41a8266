// SPDX-License-Identifier: GPL-2.0-only
import { UsageError } from "./errors.ts";

/** `count` sectors of 512 bytes from `first` on. */
export interface SectorRange {
  readonly first: bigint;
  readonly count: bigint;
}

/** sector_t counts bytes in 63 bits somewhere below: nothing lies beyond. */
export const MAX_SECTORS = 1n << 54n;

const RANGE = /^(\d+)(?:([+-])(\d+))?$/;

/**
 * Reads `N`, `N+COUNT` or `FIRST-LAST`.
 * @throws {UsageError}
 */
export function parseSectorRange(text: string): SectorRange {
  const match = RANGE.exec(text);
  if (match === null) {
    throw new UsageError(`"${text}" is no sector range`, {
      cure: "write N, N+COUNT or FIRST-LAST in 512-byte sectors, e.g. 123, 200+8 or 512-519",
    });
  }
  const first = BigInt(match[1]!);
  let count = 1n;
  if (match[2] === "+") count = BigInt(match[3]!);
  if (match[2] === "-") count = BigInt(match[3]!) - first + 1n;
  if (count <= 0n) {
    const reason = match[2] === "-" ? "ends before it starts" : "is empty";
    throw new UsageError(`the sector range "${text}" ${reason}`);
  }
  if (first + count > MAX_SECTORS) {
    throw new UsageError(`the sector range "${text}" reaches beyond any device`);
  }
  return { first, count };
}

/**
 * Reads a list of arguments, each a range or several with commas between.
 * @throws {UsageError}
 */
export function parseSectorRanges(texts: readonly string[]): SectorRange[] {
  return texts.flatMap((text) => text.split(",")).map(parseSectorRange);
}

/** `N` for a single sector, else `N+COUNT`. */
export function formatSectorRange(range: SectorRange): string {
  return range.count === 1n ? `${range.first}` : `${range.first}+${range.count}`;
}

/** The same sectors in ascending ranges that neither overlap nor touch. */
export function mergeRanges(ranges: readonly SectorRange[]): SectorRange[] {
  const sorted = ranges.toSorted((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  const merged: SectorRange[] = [];
  for (const range of sorted) {
    const last = merged.at(-1);
    if (last === undefined || range.first > last.first + last.count) {
      merged.push(range);
      continue;
    }
    const end = range.first + range.count;
    const lastEnd = last.first + last.count;
    const count = (end > lastEnd ? end : lastEnd) - last.first;
    merged[merged.length - 1] = { first: last.first, count };
  }
  return merged;
}
