// SPDX-License-Identifier: GPL-2.0-only
import type { SectorRange } from "./sectors.ts";

/** `force`: drop without copying back. */
export interface ForceOption {
  readonly force?: boolean;
}
export declare function pingMessage(): string;
export declare function remapMessage(ranges: readonly SectorRange[]): string;
export declare function unmapMessage(range: SectorRange, options?: ForceOption): string;
export declare function clearMessage(options?: ForceOption): string;
export declare function verifyMessage(range: SectorRange): string;
export declare function entriesMessage(from: bigint, max: number): string;
export declare function statsMessage(): string;
export declare function healthMessage(): string;
export declare function scanMessage(
  action: { readonly start: bigint; readonly end: bigint } | "stop" | "status",
): string;
export declare function saveMessage(): string;
export declare function restoreMessage(): string;
export declare function migrateMessage(
  spare: string,
  range?: { readonly start: bigint; readonly length: bigint },
): string;

export type PlaceState = "main" | "pending" | "remapped" | "lost";
/** Where a run of sectors is. */
export interface Place {
  readonly sector: bigint;
  readonly count: bigint;
  readonly place: PlaceState;
  /** On the spare device, absolute; only if remapped or lost. */
  readonly spareSector?: bigint;
}
export interface RemapResult {
  /** Sectors of the request that are relocated now. */
  readonly remapped: bigint;
  /** How many of them lost their content. */
  readonly lost: bigint;
}
export interface UnmapResult {
  readonly cleared: bigint;
  readonly kept: bigint;
}
export interface HealthReport {
  readonly health: string;
  readonly score: number;
  readonly reason: string;
}

/** @throws {ProtocolError} */
export declare function parsePlaces(reply: string): Place[];
export declare function formatPlaces(places: readonly Place[]): string;
/** Reads `key=value` fields between white space or on lines. @throws {ProtocolError} */
export declare function parseKeyValues(reply: string): Map<string, string>;
/** Reads `key=number` fields, all of `keys` needed. @throws {ProtocolError} */
export declare function parseCounts<K extends string>(
  reply: string,
  keys: readonly K[],
): Record<K, bigint>;
export declare function parseRemapResult(reply: string): RemapResult;
export declare function parseUnmapResult(reply: string): UnmapResult;
/** Numbers as bigint, anything else as text. @throws {ProtocolError} */
export declare function parseStats(reply: string): Map<string, bigint | string>;
export declare function parseHealth(reply: string): HealthReport;
