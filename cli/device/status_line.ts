// SPDX-License-Identifier: GPL-2.0-only

/** From best to worst. */
export const HEALTH_STATES = ["good", "warning", "degraded", "critical", "failed"] as const;
export type HealthState = (typeof HEALTH_STATES)[number];

/** The status of a `remap` target. Keys of its own kind that it may have are in `extra`. */
export interface RemapStatus {
  /** Main sectors now served by the spare, lost ones among them. */
  readonly remapped: bigint;
  readonly lost: bigint;
  readonly spareUsed: bigint;
  readonly spareTotal: bigint;
  readonly spareUsedPercent: number;
  readonly writeErrors: bigint;
  readonly readErrors: bigint;
  readonly autoRemaps: bigint;
  readonly manualRemaps: bigint;
  readonly health: HealthState;
  readonly scanProgressPercent: number;
  readonly pending?: bigint;
  readonly spareBad?: bigint;
  readonly verifyErrors?: bigint;
  readonly transportErrors?: bigint;
  /** `rw`, `ro` (mappings honoured, metadata not writable) or `fail`. */
  readonly mode?: string;
  readonly extra: ReadonlyMap<string, string>;
}

/** Reads what follows `remap` in the status line. @throws {ProtocolError} */
export declare function parseStatus(params: string): RemapStatus;
/** Gives back what {@linkcode parseStatus} read. */
export declare function formatStatus(status: RemapStatus): string;
/** Health below `warning`, or sectors lost: exit code 3. */
export declare function isDegraded(status: RemapStatus): boolean;
