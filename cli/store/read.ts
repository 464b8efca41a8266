// SPDX-License-Identifier: GPL-2.0-only
// The lists of a snapshot, as they were written or not at all.
import type { DatabaseSync, SQLOutputValue, StatementSync } from "node:sqlite";
import { DataDigest, SNAPSHOT_STATES, TableDigest } from "./canonical.ts";
import { SnapshotNotFoundError, type StoreDamagedError } from "./errors.ts";
import { exactNumber, headOf, RowError } from "./head_row.ts";
import { unpackPiece } from "./pieces.ts";
import { damagedStore, storeError } from "./sqlite_error.ts";
import type { BadSlots, SlotData, SnapshotEntry, SnapshotHead } from "./types.ts";

/** Rows that are in memory at a time. */
const PAGE = 1024;

/** A statement whose integers are bigints. */
export function exactStatement(database: DatabaseSync, sql: string): StatementSync {
  const statement = database.prepare(sql);
  statement.setReadBigInts(true);
  return statement;
}

/** Where a piece of content belongs, and which it is. */
export interface ContentRow {
  readonly first: number;
  readonly length: number;
  readonly sha256: Uint8Array;
  readonly piece: number;
}

/** What reads the snapshots of one database. All throw what {@linkcode storeError} makes of errors. */
export class Reader {
  constructor(private readonly database: DatabaseSync, private readonly path: string) {}

  /** @throws {SnapshotNotFoundError} */
  head(id: number): SnapshotHead {
    return this.#guarded(id, () => {
      const statement = exactStatement(this.database, "SELECT * FROM snapshots WHERE id = ?");
      const row = Number.isSafeInteger(id) ? statement.get(id) : undefined;
      if (row === undefined || row["seal"] === null) {
        if (this.ids().includes(id)) throw new RowError("it is in the index only");
        throw this.notFound(`no snapshot ${id}`);
      }
      return headOf(row);
    });
  }

  /** From the table and from its index: where one is damaged, the other may know. */
  ids(): number[] {
    const ids = new Set<number>();
    const failures: unknown[] = [];
    for (const source of ["NOT INDEXED", "INDEXED BY sqlite_autoindex_snapshots_1"]) {
      const sql = `SELECT id FROM snapshots ${source} WHERE seal IS NOT NULL`;
      try {
        for (const { id } of exactStatement(this.database, sql).all()) ids.add(Number(id));
      } catch (error) {
        failures.push(storeError(this.path, error));
      }
    }
    if (failures.length === 2) throw failures[0];
    return [...ids].sort((a, b) => a - b);
  }

  notFound(reason: string): SnapshotNotFoundError {
    return new SnapshotNotFoundError(reason, {
      device: this.path,
      cure: "`snapshot list` shows what there is",
    });
  }

  *entries(head: SnapshotHead): Generator<SnapshotEntry> {
    this.verifyTable(head);
    const digest = new TableDigest();
    for (const entry of this.entryRows(head.id)) {
      digest.entry(entry);
      yield entry;
    }
    for (const slots of this.badSlotRows(head.id)) digest.badSlots(slots);
    this.#assertEqual(head, digest.hex(), head.digest, "its entries");
  }

  *badSlots(head: SnapshotHead): Generator<BadSlots> {
    this.verifyTable(head);
    yield* this.badSlotRows(head.id);
  }

  *data(head: SnapshotHead): Generator<SlotData> {
    this.verifyPlaces(head);
    const digest = new DataDigest();
    for (const row of this.contentRows(head.id)) {
      digest.piece(row.first, row.length, hex(row.sha256));
      yield { first: row.first, length: row.length, bytes: this.bytesOf(head.id, row) };
    }
    this.#assertEqual(head, digest.hex(), head.dataDigest, "its content");
  }

  /** Nothing is handed out before all of it is known to be what was written. */
  verifyTable(head: SnapshotHead): void {
    const digest = new TableDigest();
    for (const entry of this.entryRows(head.id)) digest.entry(entry);
    for (const slots of this.badSlotRows(head.id)) digest.badSlots(slots);
    this.#assertEqual(head, digest.hex(), head.digest, "its entries");
  }

  /** Does each piece belong where it says? The pieces themselves are not read for it. */
  verifyPlaces(head: SnapshotHead): void {
    const digest = new DataDigest();
    for (const row of this.contentRows(head.id)) {
      digest.piece(row.first, row.length, hex(row.sha256));
    }
    this.#assertEqual(head, digest.hex(), head.dataDigest, "the places of its content");
  }

  entryRows(id: number): Generator<SnapshotEntry> {
    const sql = "SELECT first, length, state, slot FROM entries " +
      "WHERE snapshot = ? AND first > ? ORDER BY first LIMIT ?";
    return this.#rows(id, sql, "first", ({ first, length, state: number, slot }) => {
      const state = SNAPSHOT_STATES[exactNumber(number, "state")];
      if (state === undefined) throw new RowError("an entry has a state that is not known");
      return {
        first: exactNumber(first, "first"),
        length: exactNumber(length, "length"),
        state,
        slot: exactNumber(slot, "slot"),
      };
    });
  }

  badSlotRows(id: number): Generator<BadSlots> {
    const sql = "SELECT slot, length FROM bad_slots " +
      "WHERE snapshot = ? AND slot > ? ORDER BY slot LIMIT ?";
    return this.#rows(id, sql, "slot", ({ slot, length }) => ({
      slot: exactNumber(slot, "slot"),
      length: exactNumber(length, "length"),
    }));
  }

  contentRows(id: number): Generator<ContentRow> {
    // Without its piece a row must not vanish from the result.
    const sql = "SELECT c.first, c.length, p.sha256, c.piece FROM contents AS c " +
      "LEFT JOIN pieces AS p ON p.id = c.piece " +
      "WHERE c.snapshot = ? AND c.first > ? ORDER BY c.first LIMIT ?";
    return this.#rows(id, sql, "first", ({ first, length, sha256, piece }) => ({
      first: exactNumber(first, "first"),
      length: exactNumber(length, "length"),
      sha256: bytesIn(sha256, "the digest of a piece of content"),
      piece: exactNumber(piece, "piece"),
    }));
  }

  /** The content itself, checked. */
  bytesOf(id: number, { first, length, sha256, piece }: ContentRow): Uint8Array {
    return this.#guarded(id, () => {
      const sql = "SELECT packing, bytes FROM pieces WHERE id = ?";
      const row = exactStatement(this.database, sql).get(piece) ?? {};
      const packed = {
        packing: exactNumber(row["packing"], "packing"),
        bytes: bytesIn(row["bytes"], "a piece of content"),
      };
      const bytes = unpackPiece(packed, sha256);
      if (bytes === undefined || bytes.length !== length * 512) {
        throw new RowError(`the content of ${first}+${length} is not what was written`);
      }
      return bytes;
    });
  }

  /**
   * In pages, each of them a query of its own: `iterate` takes an error for the end of the rows, and
   * a list that nobody reads to its end would keep the log from ever being emptied.
   */
  *#rows<T>(
    id: number,
    sql: string,
    key: string,
    read: (row: Record<string, SQLOutputValue>) => T,
  ): Generator<T> {
    const statement = this.#guarded(id, () => exactStatement(this.database, sql));
    let last = -1n;
    for (;;) {
      const page = this.#guarded(id, () => statement.all(id, last, PAGE));
      for (const row of page) {
        const at = row[key];
        // Or a damaged page would be read for ever.
        if (typeof at !== "bigint" || at <= last) throw this.#damaged(id, "its rows do not ascend");
        last = at;
        yield this.#guarded(id, () => read(row));
      }
      if (page.length < PAGE) return;
    }
  }

  #guarded<T>(id: number, run: () => T): T {
    try {
      return run();
    } catch (error) {
      if (!(error instanceof RowError)) throw storeError(this.path, error);
      throw damagedStore(this.path, `snapshot ${id} is damaged`, error);
    }
  }

  #assertEqual({ id }: SnapshotHead, actual: string, expected: string, what: string): void {
    if (actual === expected) return;
    // Somebody else may have removed it while it was read.
    this.head(id);
    throw this.#damaged(id, `${what} do not fit their digest`);
  }

  #damaged(id: number, message: string): StoreDamagedError {
    return damagedStore(this.path, `snapshot ${id} is damaged`, new RowError(message));
  }
}

export function hex(bytes: Uint8Array): string {
  return bytes.toHex();
}

function bytesIn(value: unknown, what: string): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new RowError(`${what} is not there`);
  return value;
}
