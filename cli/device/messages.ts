// SPDX-License-Identifier: GPL-2.0-only
import { ProtocolError, UsageError } from "./errors.ts";
import { mergeRanges, type SectorRange } from "./sectors.ts";

/** `force`: drop without copying back. */
export interface ForceOption {
  readonly force?: boolean;
}

function words(range: SectorRange): string {
  return range.count === 1n ? `${range.first}` : `${range.first} ${range.count}`;
}

export function pingMessage(): string {
  return "ping";
}

/** One message for all ranges, because it is all or nothing. The target wants them in order. */
export function remapMessage(ranges: readonly SectorRange[]): string {
  const merged = mergeRanges(ranges);
  if (merged.length === 0) throw new UsageError("no sectors to relocate");
  if (merged.length === 1) return `remap ${words(merged[0]!)}`;
  return `remap ${merged.map((range) => `${range.first} ${range.count}`).join(" ")}`;
}

export function unmapMessage(range: SectorRange, options: ForceOption = {}): string {
  return `unmap ${words(range)}${options.force === true ? " force" : ""}`;
}

export function clearMessage(options: ForceOption = {}): string {
  return options.force === true ? "clear force" : "clear";
}

export function verifyMessage(range: SectorRange): string {
  return `verify ${words(range)}`;
}

export function entriesMessage(from: bigint, max: number): string {
  return `entries ${from} ${max}`;
}

export function statsMessage(): string {
  return "stats";
}

export function healthMessage(): string {
  return "health";
}

export function scanMessage(
  action: { readonly start: bigint; readonly end: bigint } | "stop" | "status",
): string {
  return typeof action === "string" ? `scan ${action}` : `scan ${action.start} ${action.end}`;
}

export function restoreMessage(): string {
  return "restore";
}

export function migrateMessage(
  spare: string,
  range?: { readonly start: bigint; readonly length: bigint },
): string {
  return range === undefined
    ? `migrate ${spare}`
    : `migrate ${spare} ${range.start} ${range.length}`;
}

const PLACE_STATES = ["main", "pending", "remapped", "lost"] as const;
export type PlaceState = (typeof PLACE_STATES)[number];

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

const PLACE = /^(\d+) (\d+) (?:(main|pending)|(remapped|lost) (\d+))$/;

function parsePlace(line: string): Place {
  const match = PLACE.exec(line);
  if (match === null) throw new ProtocolError(`unreadable place "${line}" in the reply`);
  const where = { sector: BigInt(match[1]!), count: BigInt(match[2]!) };
  if (match[5] === undefined) return { ...where, place: match[3] as PlaceState };
  return { ...where, place: match[4] as PlaceState, spareSector: BigInt(match[5]) };
}

/**
 * Reads the reply of `verify` or `entries`.
 * @throws {ProtocolError}
 */
export function parsePlaces(reply: string): Place[] {
  return reply.split("\n").map((line) => line.trim()).filter((line) => line !== "").map(parsePlace);
}

export function formatPlaces(places: readonly Place[]): string {
  return places.map(({ sector, count, place, spareSector }) =>
    `${sector} ${count} ${place}${spareSector === undefined ? "" : ` ${spareSector}`}`
  ).join("\n");
}

/**
 * Reads `key=value` fields with white space between.
 * @throws {ProtocolError}
 */
export function parseKeyValues(reply: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const word of reply.split(/\s+/)) {
    if (word === "") continue;
    const at = word.indexOf("=");
    if (at <= 0) throw new ProtocolError(`unreadable field "${word}" in the reply`);
    fields.set(word.slice(0, at), word.slice(at + 1));
  }
  return fields;
}

/**
 * Reads `key=number` fields, of which all of `keys` have to be there.
 * @throws {ProtocolError}
 */
export function parseCounts<K extends string>(
  reply: string,
  keys: readonly K[],
): Record<K, bigint> {
  const fields = parseKeyValues(reply);
  const counts = keys.map((key) => {
    const value = fields.get(key);
    if (value === undefined || !/^\d+$/.test(value)) {
      throw new ProtocolError(`the reply "${reply}" has no number ${key}=`);
    }
    return [key, BigInt(value)] as const;
  });
  return Object.fromEntries(counts) as Record<K, bigint>;
}

/** @throws {ProtocolError} */
export function parseRemapResult(reply: string): RemapResult {
  return parseCounts(reply, ["remapped", "lost"]);
}

/** @throws {ProtocolError} */
export function parseUnmapResult(reply: string): UnmapResult {
  return parseCounts(reply, ["cleared", "kept"]);
}

/**
 * Numbers as bigint, anything else as text.
 * @throws {ProtocolError}
 */
export function parseStats(reply: string): Map<string, bigint | string> {
  const stats = new Map<string, bigint | string>();
  for (const line of reply.split("\n")) {
    if (line.trim() === "") continue;
    const at = line.indexOf("=");
    if (at <= 0) throw new ProtocolError(`unreadable counter "${line}" in the reply`);
    const value = line.slice(at + 1).trim();
    stats.set(line.slice(0, at).trim(), /^-?\d+$/.test(value) ? BigInt(value) : value);
  }
  return stats;
}
