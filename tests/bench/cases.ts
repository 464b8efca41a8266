// SPDX-License-Identifier: GPL-2.0-only
//
// What the bench measures: shared by the guest, which measures, and the host, which judges.

/** What is under the I/O; the order is that of the table. */
export const CASES = [
  "brd",
  "linear",
  "stitched",
  "empty",
  "cut",
  "miss_thousand",
  "miss_million",
  "hit_alone",
  "hit_before_others",
  "hit_between_others",
] as const;
export type CaseId = typeof CASES[number];

export const OPERATIONS = ["read", "write"] as const;
export type OperationName = typeof OPERATIONS[number];

/** The ways to insert a million scattered sectors. */
export const ORDERS = ["ascending", "random"] as const;
export type Order = typeof ORDERS[number];

/** The ways to ask for relocations. */
export const REQUESTS = ["single", "batch", "run"] as const;
export type RequestKind = typeof REQUESTS[number];

export const CASE_LABELS: Readonly<Record<CaseId, string>> = {
  brd: "brd, no device mapper",
  linear: "dm-linear",
  stitched: "dm-linear stitched from 2001 segments, 1 I/O in 64 cut",
  empty: "remap, empty table",
  cut: "remap, 1,000 sectors relocated, 1 I/O in 64 cut",
  miss_thousand: "remap, 1,000 entries elsewhere",
  miss_million: "remap, 1,000,000 entries elsewhere",
  hit_alone: "remap, every I/O in one relocated extent",
  hit_before_others: "remap, the same before 1,000 other entries",
  hit_between_others: "remap, the same between 1,000 other entries",
};

export const REQUEST_LABELS: Readonly<Record<RequestKind, string>> = {
  single: "one sector in a message",
  batch: "1,000 scattered sectors in a message",
  run: "131,072 neighbouring sectors in a message",
};

/** What makes a sector move. */
export const CAUSES = ["message", "failed_write"] as const;
export type Cause = typeof CAUSES[number];

export const CAUSE_LABELS: Readonly<Record<Cause, string>> = {
  message: "by message, one sector each",
  failed_write: "by writes that main refuses",
};

/** Entries in the table while commits are counted. */
export const TABLE_SIZES = [1, 1000, 1_000_000] as const;

/** Instructions above dm-linear that a 4 KiB read may take; `stitched`: less than that case. */
export const READ_BUDGETS: Readonly<Partial<Record<CaseId, number | "stitched">>> = {
  empty: 70,
  cut: "stitched",
  miss_thousand: 90,
  miss_million: 120,
  hit_before_others: 350,
  hit_between_others: 350,
};

/** Bytes of kernel memory that a scattered entry may take. */
export const ENTRY_BYTES_BUDGET = 40;

/** A scan reads at least so many percent of what plain sequential reads of the device reach. */
export const SCAN_PERCENT_BUDGET = 90;

/** `--version` of the packed file: milliseconds, and times the unpacked start. */
export const START_BUDGET = { milliseconds: 120, ratio: 2.5 } as const;

/** Writes to the spare for one relocation, flushes aside: the data and a journal block. */
export const COMMIT_WRITES_BUDGET = 2;

/** Instructions for each entry of a table that is read at the start. */
export const ACTIVATION_BUDGET = 6000;
