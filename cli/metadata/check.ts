// SPDX-License-Identifier: GPL-2.0-only
import type { Image } from "./image.ts";
import { inspect } from "./inspect.ts";
import type { Problem } from "./problem.ts";
import { readMigrated } from "./select.ts";
import type { Migrated, Superblock } from "./superblock.ts";

export type { Problem } from "./problem.ts";

/** Sectors in each state, after the journal. */
export interface TableCounts {
  /** Of these some may be lost. */
  readonly remapped: number;
  readonly lost: number;
  /** On main, or in a slot. */
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
  /** A spare that no table is loaded from, because a migration has not filled it, or has left it. */
  readonly migrated?: Migrated;
  readonly counts: TableCounts;
}

/** Never writes, and never throws for damage: what it finds is in the report. */
export function checkMetadata(image: Image): CheckReport {
  const { findings, chosen, totals } = inspect(image);
  const migrated = chosen === undefined ? readMigrated(image) : undefined;
  return {
    problems: findings.problems,
    notes: findings.notes,
    ...chosen && { superblock: chosen.superblock, generation: chosen.superblock.generation },
    ...migrated && { migrated },
    counts: totals,
  };
}
