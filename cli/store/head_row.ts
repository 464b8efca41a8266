// SPDX-License-Identifier: GPL-2.0-only
import type { SQLInputValue, SQLOutputValue } from "node:sqlite";
import { sealOf } from "./seal.ts";
import type { DeviceIdentity, NewSnapshot, SnapshotHead } from "./types.ts";

/** A row that does not say what a row of ours says. */
export class RowError extends Error {
  override readonly name = "RowError";
}

type Row = Record<string, SQLOutputValue>;

/** Columns of a `DeviceIdentity`. */
const DEVICE_COLUMNS = {
  name: "name",
  uuid: "uuid",
  predecessor_uuid: "predecessorUuid",
  main_id: "mainId",
  main_path: "mainPath",
  main_start: "mainStart",
  main_sectors: "mainSectors",
  main_device_sectors: "mainDeviceSectors",
  block_sectors: "blockSectors",
  spare_path: "sparePath",
  spare_start: "spareStart",
  spare_sectors: "spareSectors",
  spare_device_sectors: "spareDeviceSectors",
  args: "args",
} as const satisfies Record<string, keyof DeviceIdentity>;

/** For queries that only ask which device it was. */
export const DEVICE_COLUMN_LIST = Object.keys(DEVICE_COLUMNS).join(", ");

const COUNT_COLUMNS = {
  entries: "entries",
  remapped_sectors: "remappedSectors",
  lost_sectors: "lostSectors",
  pending_sectors: "pendingSectors",
  bad_sectors: "badSectors",
  data_bytes: "dataBytes",
} as const satisfies Record<string, keyof SnapshotHead>;

export type Counts = Pick<SnapshotHead, (typeof COUNT_COLUMNS)[keyof typeof COUNT_COLUMNS]>;

/** The columns that are known before the lists are read. */
export function newColumns(snapshot: NewSnapshot): Record<string, SQLInputValue> {
  const counters = Object.entries(snapshot.counters).map(([name, value]) => [name, `${value}`]);
  const device = Object.entries(DEVICE_COLUMNS).map(([column, key]) => [
    column,
    snapshot.device[key] ?? null,
  ]);
  return {
    taken_at: snapshot.takenAt,
    reason: snapshot.reason,
    source: snapshot.source,
    generation: snapshot.generation,
    table_changes: snapshot.tableChanges ?? null,
    health: snapshot.health,
    counters: JSON.stringify(Object.fromEntries(counters)),
    host: snapshot.host,
    tool_version: snapshot.toolVersion,
    module_version: snapshot.moduleVersion,
    with_data: snapshot.withData ? 1 : 0,
    ...Object.fromEntries(device),
  };
}

/** Those that are known when the lists have been written. */
export function countColumns(counts: Counts): Record<string, SQLInputValue> {
  return Object.fromEntries(
    Object.entries(COUNT_COLUMNS).map(([column, key]) => [column, counts[key]]),
  );
}

/**
 * A whole row, its integers as bigints.
 * @throws {RowError} if it is not as it was written
 */
export function headOf(row: Row): SnapshotHead {
  const reader = new RowReader(row);
  const tableChanges = reader.optional("table_changes", () => reader.number("table_changes"));
  const head = {
    id: reader.number("id"),
    deviceId: reader.number("device"),
    device: deviceOf(row),
    takenAt: reader.text("taken_at"),
    reason: reader.text("reason"),
    source: reader.text("source") === "live" ? "live" as const : "offline" as const,
    generation: reader.number("generation"),
    ...tableChanges === undefined ? {} : { tableChanges },
    health: reader.text("health"),
    counters: countersOf(reader.text("counters")),
    host: reader.text("host"),
    toolVersion: reader.text("tool_version"),
    moduleVersion: reader.text("module_version"),
    withData: reader.number("with_data") === 1,
    digest: reader.text("digest"),
    dataDigest: reader.text("data_digest"),
    ...reader.numbers(COUNT_COLUMNS),
  };
  const seal = reader.text("seal");
  if (sealOf(head) !== seal) throw new RowError("it is not as it was written: its seal is broken");
  return { ...head, seal };
}

/** @throws {RowError} */
export function deviceOf(row: Row): DeviceIdentity {
  const reader = new RowReader(row);
  const uuid = reader.optional("uuid", () => reader.text("uuid"));
  const predecessorUuid = reader.optional(
    "predecessor_uuid",
    () => reader.text("predecessor_uuid"),
  );
  return {
    name: reader.text("name"),
    ...uuid === undefined ? {} : { uuid },
    ...predecessorUuid === undefined ? {} : { predecessorUuid },
    mainId: reader.text("main_id"),
    mainPath: reader.text("main_path"),
    sparePath: reader.text("spare_path"),
    args: reader.text("args"),
    ...reader.numbers({
      main_start: "mainStart",
      main_sectors: "mainSectors",
      main_device_sectors: "mainDeviceSectors",
      block_sectors: "blockSectors",
      spare_start: "spareStart",
      spare_sectors: "spareSectors",
      spare_device_sectors: "spareDeviceSectors",
    }),
  };
}

class RowReader {
  constructor(private readonly row: Row) {}

  text(column: string): string {
    const value = this.row[column];
    if (typeof value !== "string") throw new RowError(`${column} is no text`);
    return value;
  }

  number(column: string): number {
    return exactNumber(this.row[column], column);
  }

  numbers<K extends string>(columns: Readonly<Record<string, K>>): Record<K, number> {
    return Object.fromEntries(
      Object.entries(columns).map(([column, key]) => [key, this.number(column)]),
    ) as Record<K, number>;
  }

  optional<T>(column: string, read: () => T): T | undefined {
    return this.row[column] === null ? undefined : read();
  }
}

/** @throws {RowError} for what is no number, or one that was never written */
export function exactNumber(value: unknown, what: string): number {
  const number = typeof value === "bigint" ? Number(value) : NaN;
  if (!Number.isSafeInteger(number)) throw new RowError(`${what} is no number of ours`);
  return number;
}

function countersOf(text: string): Record<string, bigint> {
  try {
    const counters: Record<string, unknown> = JSON.parse(text);
    return Object.fromEntries(
      Object.entries(counters).map(([name, value]) => [name, BigInt(String(value))]),
    );
  } catch (cause) {
    throw new RowError("its counters cannot be read", { cause });
  }
}
