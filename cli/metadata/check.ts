// SPDX-License-Identifier: GPL-2.0-only
import type { Image } from "./image.ts";
import type { Problem } from "./problem.ts";
import type { Superblock } from "./superblock.ts";

export type { Problem } from "./problem.ts";

/** Sectors in each state, after the journal. */
export interface TableCounts {
  /** Of these some may be lost. */
  readonly remapped: number;
  readonly lost: number;
  readonly pending: number;
  /** Of slots. */
  readonly bad: number;
  /** Extents. */
  readonly entries: number;
}

export interface CheckReport {
  /** Empty if the kernel would load it. */
  readonly problems: readonly Problem[];
  /** What is out of the ordinary, but no problem. */
  readonly notes: readonly string[];
  /** The one that counts, if one does. */
  readonly superblock?: Superblock;
  readonly generation?: number;
  readonly counts: TableCounts;
}

/** Never writes, and never throws for damage: what it finds is in the report. */
export function checkMetadata(image: Image): CheckReport {
  throw new Error(image.path);
}
