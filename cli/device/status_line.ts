// SPDX-License-Identifier: GPL-2.0-only
import { ProtocolError } from "./errors.ts";

/** From best to worst. */
export const HEALTH_STATES = ["good", "warning", "degraded", "critical", "failed"] as const;
/** One of {@linkcode HEALTH_STATES}. */
export type HealthState = (typeof HEALTH_STATES)[number];

/** The status of a `remap` target. Keys beyond these are in `extra`. */
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
  /** Of the migration under way, or the last one: `none`, `running`, `done`, `stopped`, `failed`. */
  readonly migration?: string;
  readonly migrationPercent?: number;
  readonly extra: ReadonlyMap<string, string>;
}

/** Fields that later versions of the module may leave out or that earlier ones lacked. */
const OPTIONAL_COUNTS = [
  ["pending", "pending"],
  ["spare_bad", "spareBad"],
  ["verify_errors", "verifyErrors"],
  ["transport_errors", "transportErrors"],
] as const;

/** `key=value`, where `spare_used` has its percent behind a blank. */
const FIELD = /\s*([a-z][a-z0-9_]*)=(\S*(?: \(\d+%\))?)/y;

function readFields(params: string): Map<string, string> {
  const fields = new Map<string, string>();
  const text = params.trim();
  FIELD.lastIndex = 0;
  while (FIELD.lastIndex < text.length) {
    const at = FIELD.lastIndex;
    const match = FIELD.exec(text);
    if (match === null) throw new ProtocolError(`unreadable status at "${text.slice(at)}"`);
    if (fields.has(match[1]!)) throw new ProtocolError(`the status has ${match[1]} twice`);
    fields.set(match[1]!, match[2]!);
  }
  return fields;
}

/** Takes fields out of the map, so that what stays is what this version does not know. */
class FieldReader {
  constructor(private readonly fields: Map<string, string>) {}

  text(key: string): string {
    const value = this.fields.get(key);
    if (value === undefined) throw new ProtocolError(`the status lacks ${key}=`);
    this.fields.delete(key);
    return value;
  }

  match(key: string, pattern: RegExp): RegExpExecArray {
    const value = this.text(key);
    const match = pattern.exec(value);
    if (match === null) throw new ProtocolError(`the status has ${key}=${value}`);
    return match;
  }

  count(key: string): bigint {
    return BigInt(this.match(key, /^\d+$/)[0]);
  }

  optional<T>(key: string, read: (key: string) => T): T | undefined {
    return this.fields.has(key) ? read(key) : undefined;
  }
}

/**
 * Reads what follows `remap` in the status line.
 * @throws {ProtocolError}
 */
export function parseStatus(params: string): RemapStatus {
  const fields = readFields(params);
  const reader = new FieldReader(fields);
  const remapped = reader.count("remapped");
  const lost = reader.count("lost");
  const spare = reader.match("spare_used", /^(\d+)\/(\d+) \((\d+)%\)$/);
  const required = {
    remapped,
    lost,
    spareUsed: BigInt(spare[1]!),
    spareTotal: BigInt(spare[2]!),
    spareUsedPercent: Number(spare[3]),
    writeErrors: reader.count("write_errors"),
    readErrors: reader.count("read_errors"),
    autoRemaps: reader.count("auto_remaps"),
    manualRemaps: reader.count("manual_remaps"),
    health: parseHealthState(reader.text("health")),
    scanProgressPercent: Number(reader.match("scan_progress", /^(\d+)%$/)[1]),
  };
  const optional: Record<string, bigint | number | string> = {};
  for (const [key, property] of OPTIONAL_COUNTS) {
    const value = reader.optional(key, (name) => reader.count(name));
    if (value !== undefined) optional[property] = value;
  }
  const mode = reader.optional("mode", (name) => reader.text(name));
  if (mode !== undefined) optional["mode"] = mode;
  const migration = reader.optional("migrate", (name) => reader.text(name));
  if (migration !== undefined) optional["migration"] = migration;
  const percent = reader.optional("migrate_progress", (name) => reader.match(name, /^(\d+)%$/));
  if (percent !== undefined) optional["migrationPercent"] = Number(percent[1]);
  return { ...required, ...optional, extra: fields };
}

/** @throws {ProtocolError} */
export function parseHealthState(text: string): HealthState {
  const state = HEALTH_STATES.find((known) => known === text);
  if (state === undefined) throw new ProtocolError(`unknown health "${text}"`);
  return state;
}

/** Gives back what {@linkcode parseStatus} read. */
export function formatStatus(status: RemapStatus): string {
  const words = [
    `remapped=${status.remapped}`,
    `lost=${status.lost}`,
    `spare_used=${status.spareUsed}/${status.spareTotal} (${status.spareUsedPercent}%)`,
    `write_errors=${status.writeErrors}`,
    `read_errors=${status.readErrors}`,
    `auto_remaps=${status.autoRemaps}`,
    `manual_remaps=${status.manualRemaps}`,
    `health=${status.health}`,
    `scan_progress=${status.scanProgressPercent}%`,
  ];
  for (const [key, property] of OPTIONAL_COUNTS) {
    const value = status[property];
    if (value !== undefined) words.push(`${key}=${value}`);
  }
  if (status.mode !== undefined) words.push(`mode=${status.mode}`);
  for (const [key, value] of status.extra) words.push(`${key}=${value}`);
  if (status.migration !== undefined) words.push(`migrate=${status.migration}`);
  if (status.migrationPercent !== undefined) {
    words.push(`migrate_progress=${status.migrationPercent}%`);
  }
  return words.join(" ");
}

/** Health below `warning`, or sectors lost. */
export function isDegraded(status: RemapStatus): boolean {
  return status.lost > 0n ||
    HEALTH_STATES.indexOf(status.health) > HEALTH_STATES.indexOf("warning");
}
