// SPDX-License-Identifier: GPL-2.0-only
import type { TargetLine } from "../../ffi/libdevmapper.ts";
import { ProtocolError, UsageError } from "./errors.ts";

/** The target's name, in tables and in the kernel's list of targets. */
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

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type FlagKey = "volatile" | "noAutoRemap" | "proactive" | "verifyReads";
type NumberKey = "maxRemaps" | "retries" | "retryDelayMs" | "scanIntervalS";

const FLAGS: ReadonlyMap<string, FlagKey> = new Map([
  ["volatile", "volatile"],
  ["no_auto_remap", "noAutoRemap"],
  ["proactive", "proactive"],
  ["verify_reads", "verifyReads"],
]);
const NUMBERS: ReadonlyMap<string, NumberKey> = new Map([
  ["max_remaps", "maxRemaps"],
  ["retries", "retries"],
  ["retry_delay_ms", "retryDelayMs"],
  ["scan_interval_s", "scanIntervalS"],
]);
const PENDING_POLICY = "pending_policy";

/** A field with white space, a control character or a backslash would be read as something else. */
function field(value: string, what: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what is looked for
  if (value === "" || /[\s\\\x00-\x1f\x7f]/.test(value)) {
    throw new UsageError(`"${value}" cannot stand in a dm table as ${what}`, {
      cure: "name the device without white space, control characters and backslashes",
    });
  }
  return value;
}

function formatFeatures(features: RemapFeatures): string[] {
  const words: string[] = [];
  for (const [name, key] of FLAGS) if (features[key] === true) words.push(name);
  for (const [name, key] of NUMBERS) {
    const value = features[key];
    if (value !== undefined) words.push(name, `${value}`);
  }
  if (features.pendingPolicy !== undefined) words.push(PENDING_POLICY, features.pendingPolicy);
  for (const word of features.extra ?? []) words.push(field(word, "a feature argument"));
  return words.length === 0 ? [] : [`${words.length}`, ...words];
}

/**
 * Feature arguments as a superblock keeps them: as they stand in the line, their number first.
 * @throws {ProtocolError}
 */
export function parseFeatureWords(text: string): RemapFeatures {
  const words = text.split(/\s+/).filter((word) => word !== "");
  if (words.length === 0) return {};
  const count = parseNumber(words[0], "the number of features");
  if (count !== BigInt(words.length - 1)) {
    throw new ProtocolError(`"${text}" announces ${count} feature arguments`);
  }
  return parseFeatures(words.slice(1));
}

function parseFeatures(words: readonly string[]): RemapFeatures {
  const features: Mutable<RemapFeatures> = {};
  const extra: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const flag = FLAGS.get(word);
    const number = NUMBERS.get(word);
    if (flag !== undefined) {
      features[flag] = true;
    } else if (number !== undefined) {
      features[number] = parseNumber(words[++i], word);
    } else if (word === PENDING_POLICY) {
      const policy = words[++i];
      if (policy !== "relocate" && policy !== "verify") {
        throw new ProtocolError(`the table has ${PENDING_POLICY} "${policy}"`);
      }
      features.pendingPolicy = policy;
    } else {
      extra.push(word);
    }
  }
  if (extra.length > 0) features.extra = extra;
  return features;
}

function parseNumber(word: string | undefined, what: string): bigint {
  if (word === undefined || !/^\d+$/.test(word)) {
    throw new ProtocolError(`the table has "${word ?? ""}" where ${what} was expected`);
  }
  return BigInt(word);
}

/**
 * The whole line, as `dmsetup create` takes it.
 * @throws {UsageError} if a field cannot be written
 */
export function formatTable(table: RemapTable): string {
  return `${table.start} ${table.length} ${TARGET_TYPE} ${formatTableParams(table)}`;
}

/**
 * What follows `remap` in the line.
 * @throws {UsageError} if a field cannot be written
 */
export function formatTableParams(table: RemapTable): string {
  return [
    field(table.main, "the main device"),
    table.mainStart,
    field(table.spare, "the spare device"),
    table.spareStart,
    table.spareLength,
    ...formatFeatures(table.features),
  ].join(" ");
}

/** @throws {ProtocolError} */
export function parseTable(line: string): RemapTable {
  const [start, length, type, ...rest] = line.trim().split(/\s+/);
  return fromTarget({
    start: parseNumber(start, "the first sector"),
    length: parseNumber(length, "the length"),
    type: type ?? "",
    params: rest.join(" "),
  });
}

/** The table as libdevmapper takes it. */
export function toTarget(table: RemapTable): TargetLine {
  return {
    start: table.start,
    length: table.length,
    type: TARGET_TYPE,
    params: formatTableParams(table),
  };
}

/** @throws {ProtocolError} if it is no `remap` line */
export function fromTarget(target: TargetLine): RemapTable {
  if (target.type !== TARGET_TYPE) {
    throw new ProtocolError(`the table has the target "${target.type}", not "${TARGET_TYPE}"`);
  }
  const words = target.params.trim().split(/\s+/);
  const [main, mainStart, spare, spareStart, spareLength, count, ...features] = words;
  if (main === undefined || spare === undefined) {
    throw new ProtocolError(`the table names no two devices: "${target.params}"`);
  }
  const wanted = count === undefined ? 0n : parseNumber(count, "the number of features");
  if (wanted !== BigInt(features.length)) {
    throw new ProtocolError(
      `the table announces ${wanted} feature arguments and has ${features.length}`,
    );
  }
  return {
    start: target.start,
    length: target.length,
    main,
    mainStart: parseNumber(mainStart, "main's first sector"),
    spare,
    spareStart: parseNumber(spareStart, "the spare's first sector"),
    spareLength: parseNumber(spareLength, "the spare's length"),
    features: parseFeatures(features),
  };
}
