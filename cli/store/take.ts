// SPDX-License-Identifier: GPL-2.0-only
// Writes a snapshot, whole or not at all.
import type { DatabaseSync, SQLInputValue, SQLOutputValue } from "node:sqlite";
import {
  BadSlotJoiner,
  DataDigest,
  EntryJoiner,
  ListError,
  PieceChecker,
  SNAPSHOT_STATES,
  TableDigest,
} from "./canonical.ts";
import { rollBack } from "./connection.ts";
import { firstUncovered } from "./coverage.ts";
import { InvalidSnapshotError, SnapshotExistsError, StoreDamagedError } from "./errors.ts";
import {
  countColumns,
  type Counts,
  DEVICE_COLUMN_LIST,
  deviceOf,
  newColumns,
  RowError,
} from "./head_row.ts";
import { isSameDevice } from "./identity.ts";
import { packPiece, sha256, unpackPiece } from "./pieces.ts";
import { exactStatement, hex, Reader } from "./read.ts";
import { sealOf } from "./seal.ts";
import { storeError } from "./sqlite_error.ts";
import type {
  DeviceIdentity,
  NewSnapshot,
  SlotData,
  SnapshotContent,
  SnapshotHead,
  Source,
} from "./types.ts";

/** @throws what `Store.takeSnapshot` throws, and whatever the sources throw */
export async function takeSnapshot(
  database: DatabaseSync,
  path: string,
  snapshot: NewSnapshot,
  content: SnapshotContent,
): Promise<SnapshotHead> {
  try {
    assertSense(snapshot);
    database.prepare("BEGIN IMMEDIATE").run();
    const head = await new Taking(database, path, snapshot).write(content);
    database.prepare("COMMIT").run();
    return head;
  } catch (error) {
    rollBack(database);
    if (error instanceof ListError) {
      throw new InvalidSnapshotError(`the snapshot of ${snapshot.device.name} cannot be`, {
        device: path,
        cause: error,
      });
    }
    throw storeError(path, error);
  }
}

function assertSense(snapshot: NewSnapshot): void {
  const { takenAt, generation, tableChanges = 0, device } = snapshot;
  const time = Date.parse(takenAt);
  if (Number.isNaN(time) || new Date(time).toISOString() !== takenAt) {
    throw new ListError(`"${takenAt}" is no time in UTC with milliseconds`);
  }
  const numbers = [generation, tableChanges, ...Object.values(device)];
  for (const number of numbers.filter((value) => typeof value === "number")) {
    if (!Number.isSafeInteger(number) || number < 0) throw new ListError(`${number} is no count`);
  }
}

async function drain<T>(source: Source<T>, take: (value: T) => void): Promise<void> {
  // A turn of the event loop for each of a million entries would take longer than all the rest.
  if (Symbol.iterator in source) { for (const value of source) take(value); }
  else for await (const value of source) take(value);
}

/** One snapshot, while it is written. */
class Taking {
  readonly #reader: Reader;
  readonly #table = new TableDigest();
  readonly #data = new DataDigest();

  constructor(
    private readonly database: DatabaseSync,
    path: string,
    private readonly snapshot: NewSnapshot,
  ) {
    this.#reader = new Reader(database, path);
    this.path = path;
  }

  private readonly path: string;

  async write({ entries, badSlots = [], data = [], seal }: SnapshotContent): Promise<SnapshotHead> {
    const id = this.#insertHead(deviceIdOf(this.database, this.snapshot.device));
    const table = await this.#writeEntries(id, entries);
    const badSectors = await this.#writeBadSlots(id, badSlots);
    await this.#writeData(id, data);
    const counts = { ...table, badSectors, dataBytes: this.#data.bytes };
    this.#seal(id, counts, seal);
    try {
      return this.#reader.head(id);
    } catch (cause) {
      // Such as a text that the database keeps in another way.
      if (!(cause instanceof StoreDamagedError)) throw cause;
      throw new ListError("its texts cannot be kept as they are", { cause });
    }
  }

  #insertHead(deviceId: number): number {
    const none = { entries: 0, remappedSectors: 0, lostSectors: 0, pendingSectors: 0 };
    return insert(this.database, "snapshots", {
      device: deviceId,
      ...newColumns(this.snapshot),
      digest: "",
      data_digest: "",
      ...countColumns({ ...none, badSectors: 0, dataBytes: 0 }),
    });
  }

  async #writeEntries(id: number, entries: SnapshotContent["entries"]) {
    const row = this.database.prepare("INSERT INTO entries VALUES (?, ?, ?, ?, ?)");
    const joiner = new EntryJoiner(this.snapshot.device, (entry) => {
      const state = SNAPSHOT_STATES.indexOf(entry.state);
      row.run(id, entry.first, entry.length, state, entry.slot);
      this.#table.entry(entry);
    });
    await drain(entries, (entry) => joiner.push(entry));
    return joiner.finish();
  }

  async #writeBadSlots(id: number, badSlots: NonNullable<SnapshotContent["badSlots"]>) {
    const row = this.database.prepare("INSERT INTO bad_slots VALUES (?, ?, ?)");
    const joiner = new BadSlotJoiner(this.snapshot.device, (slots) => {
      row.run(id, slots.slot, slots.length);
      this.#table.badSlots(slots);
    });
    await drain(badSlots, (slots) => joiner.push(slots));
    return joiner.finish();
  }

  async #writeData(id: number, data: NonNullable<SnapshotContent["data"]>): Promise<void> {
    const row = this.database.prepare("INSERT INTO contents VALUES (?, ?, ?, ?)");
    const checker = new PieceChecker(this.snapshot.device);
    await drain(data, (piece) => {
      if (!this.snapshot.withData) throw new ListError("content for a snapshot without content");
      checker.check(piece);
      const digest = sha256(piece.bytes);
      row.run(id, piece.first, piece.length, this.#pieceId(piece, digest));
      this.#data.piece(piece.first, piece.length, hex(digest));
    });
    if (this.#data.bytes === 0) return;
    const gap = firstUncovered(this.#reader.entryRows(id), this.#reader.contentRows(id));
    if (gap === undefined) return;
    throw new ListError(
      `content of ${gap.first}+${gap.length}, which is not relocated and readable`,
    );
  }

  #pieceId({ bytes, length }: SlotData, digest: Uint8Array): number {
    const sql = "SELECT id, packing, bytes FROM pieces WHERE sha256 = ?";
    const known = this.database.prepare(sql).get(digest);
    if (known === undefined) {
      const packed = packPiece(bytes);
      return insert(this.database, "pieces", {
        sha256: digest,
        sectors: length,
        packing: packed.packing,
        bytes: packed.bytes,
      });
    }
    const id = Number(known["id"]);
    const kept = known["bytes"];
    const packing = Number(known["packing"]);
    if (!(kept instanceof Uint8Array) || !unpackPiece({ packing, bytes: kept }, digest)) {
      // It has been damaged since; all snapshots that have it get it back.
      const packed = packPiece(bytes);
      this.database.prepare("UPDATE pieces SET packing = ?, bytes = ? WHERE id = ?")
        .run(packed.packing, packed.bytes, id);
    }
    return id;
  }

  #seal(id: number, counts: Counts, expected: string | undefined): void {
    const digests = { digest: this.#table.hex(), dataDigest: this.#data.hex() };
    const seal = sealOf({ ...this.snapshot, ...counts, ...digests });
    if (expected !== undefined && seal !== expected) {
      throw new ListError("its seal is broken: it is not what was taken");
    }
    const twin = this.database.prepare("SELECT id FROM snapshots WHERE seal = ?").get(seal);
    if (twin !== undefined) {
      const number = Number(twin["id"]);
      throw new SnapshotExistsError(
        `the very same snapshot is there already, as number ${number}`,
        number,
        { device: this.path },
      );
    }
    const columns = {
      ...countColumns(counts),
      digest: digests.digest,
      data_digest: digests.dataDigest,
      seal,
    };
    const places = Object.keys(columns).map((column) => `${column} = ?`).join(", ");
    this.database.prepare(`UPDATE snapshots SET ${places} WHERE id = ?`)
      .run(...Object.values(columns), id);
  }
}

/** The one that earlier snapshots of it have, or a new one. */
function deviceIdOf(database: DatabaseSync, device: DeviceIdentity): number {
  const sql = `SELECT device, ${DEVICE_COLUMN_LIST} FROM snapshots ORDER BY taken_at DESC, id DESC`;
  for (const row of exactStatement(database, sql).all()) {
    if (!isOf(row, device)) continue;
    const id = Number(row["device"]);
    database.prepare("UPDATE devices SET name = ? WHERE id = ?").run(device.name, id);
    return id;
  }
  return insert(database, "devices", { name: device.name });
}

/** A damaged row is no reason to take no more snapshots. */
function isOf(row: Record<string, SQLOutputValue>, device: DeviceIdentity): boolean {
  try {
    return isSameDevice(deviceOf(row), device);
  } catch (error) {
    if (error instanceof RowError) return false;
    throw error;
  }
}

/** @returns the row's number */
function insert(
  database: DatabaseSync,
  table: string,
  columns: Readonly<Record<string, SQLInputValue>>,
): number {
  const places = Object.keys(columns).map(() => "?").join(", ");
  const sql = `INSERT INTO ${table} (${Object.keys(columns).join(", ")}) VALUES (${places})`;
  return Number(database.prepare(sql).run(...Object.values(columns)).lastInsertRowid);
}
