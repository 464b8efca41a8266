// SPDX-License-Identifier: GPL-2.0-only
import type { TargetLine } from "../../ffi/libdevmapper.ts";

export const TARGET_TYPE = "remap";

/** What a write to a pending sector does. */
export type PendingPolicy = "relocate" | "verify";

/** The feature arguments; one left out takes the module's default. */
export interface RemapFeatures {
  readonly volatile?: boolean;
  readonly maxRemaps?: bigint;
  readonly noAutoRemap?: boolean;
  readonly retries?: bigint;
  readonly retryDelayMs?: bigint;
  readonly proactive?: boolean;
  readonly pendingPolicy?: PendingPolicy;
  readonly verifyReads?: boolean;
  readonly scanIntervalS?: bigint;
  /** Arguments that this version does not know, as they stand in the line. */
  readonly extra?: readonly string[];
}

/** A `remap` line of a dm table; all numbers are sectors. */
export interface RemapTable {
  readonly start: bigint;
  readonly length: bigint;
  /** A path or `major:minor`. */
  readonly main: string;
  readonly mainStart: bigint;
  readonly spare: string;
  readonly spareStart: bigint;
  readonly spareLength: bigint;
  readonly features: RemapFeatures;
}

/** The whole line, as `dmsetup create` takes it. @throws {UsageError} if a field cannot be written */
export declare function formatTable(table: RemapTable): string;
/** What follows `remap` in the line. @throws {UsageError} if a field cannot be written */
export declare function formatTableParams(table: RemapTable): string;
/** @throws {ProtocolError} */
export declare function parseTable(line: string): RemapTable;
/** The table as libdevmapper takes it. */
export declare function toTarget(table: RemapTable): TargetLine;
/** @throws {ProtocolError} if it is no `remap` line */
export declare function fromTarget(target: TargetLine): RemapTable;
