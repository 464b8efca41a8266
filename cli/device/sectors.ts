// SPDX-License-Identifier: GPL-2.0-only

/** `count` sectors of 512 bytes from `first` on. */
export interface SectorRange {
  readonly first: bigint;
  readonly count: bigint;
}

/** Reads `N`, `N+COUNT` or `FIRST-LAST`. @throws {UsageError} */
export declare function parseSectorRange(text: string): SectorRange;
/** Reads a list of arguments, each a range or several with commas between. @throws {UsageError} */
export declare function parseSectorRanges(texts: readonly string[]): SectorRange[];
/** `N` for a single sector, else `N+COUNT`. */
export declare function formatSectorRange(range: SectorRange): string;
