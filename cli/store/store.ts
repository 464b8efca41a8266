// SPDX-License-Identifier: GPL-2.0-only
import { statSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { checkStore } from "./check.ts";
import { inTransaction, pragmaNumber } from "./connection.ts";
import { StoreFailedError, StoreReadOnlyError } from "./errors.ts";
import { headOf, RowError } from "./head_row.ts";
import { isSameDevice } from "./identity.ts";
import { exactStatement, Reader } from "./read.ts";
import { damagedStore, isBusy, storeError, translating } from "./sqlite_error.ts";
import { takeSnapshot } from "./take.ts";
import type {
  BadSlots,
  CheckOptions,
  HeadFilter,
  NewSnapshot,
  RemovedSnapshots,
  SlotData,
  SnapshotContent,
  SnapshotEntry,
  SnapshotHead,
  Store,
  StoreReport,
} from "./types.ts";

export class SqliteStore implements Store {
  readonly #reader: Reader;
  #isTaking = false;

  constructor(
    readonly path: string,
    readonly readOnly: boolean,
    private readonly database: DatabaseSync,
  ) {
    this.#reader = new Reader(database, path);
  }

  async takeSnapshot(snapshot: NewSnapshot, content: SnapshotContent): Promise<SnapshotHead> {
    this.#assertMayWrite();
    this.#isTaking = true;
    try {
      return await takeSnapshot(this.database, this.path, snapshot, content);
    } finally {
      this.#isTaking = false;
    }
  }

  heads(filter: HeadFilter = {}): SnapshotHead[] {
    return translating(this.path, () => {
      const sql = "SELECT * FROM snapshots NOT INDEXED WHERE seal IS NOT NULL " +
        "ORDER BY taken_at, id";
      const rows = exactStatement(this.database, sql).all();
      this.#assertComplete(rows.length);
      const heads = rows.map((row) => {
        try {
          return headOf(row);
        } catch (error) {
          if (!(error instanceof RowError)) throw error;
          throw damagedStore(this.path, `snapshot ${row["id"]} is damaged`, error);
        }
      });
      return filterHeads(heads, filter);
    });
  }

  /** A snapshot that a damaged page has swallowed would make an older one the latest. */
  #assertComplete(found: number): void {
    const sql = "SELECT count(*) AS known FROM snapshots INDEXED BY sqlite_autoindex_snapshots_1 " +
      "WHERE seal IS NOT NULL";
    const { known } = this.database.prepare(sql).get() ?? {};
    if (known === found) return;
    throw damagedStore(this.path, `its list names ${known} snapshots, and ${found} are there`);
  }

  ids(): number[] {
    return this.#reader.ids();
  }

  head(id: number): SnapshotHead {
    return this.#reader.head(id);
  }

  find(reference: string, filter: HeadFilter = {}): SnapshotHead {
    const named = filter.name === undefined ? "" : ` of ${filter.name}`;
    if (/^\d{1,15}$/.test(reference)) {
      const head = this.head(Number(reference));
      if (filterHeads([head], filter).length === 1) return head;
      throw this.#reader.notFound(
        named === ""
          ? `snapshot ${reference} is of another device`
          : `snapshot ${reference} is not${named}, but of ${head.device.name}`,
      );
    }
    if (reference !== "latest") {
      throw this.#reader.notFound(`"${reference}" is neither a snapshot's number nor "latest"`);
    }
    const head = this.heads(filter).at(-1);
    if (head === undefined) throw this.#reader.notFound(`no snapshot${named}`);
    return head;
  }

  entries(id: number): Iterable<SnapshotEntry> {
    return repeatable(() => this.#reader.entries(this.head(id)));
  }

  badSlots(id: number): Iterable<BadSlots> {
    return repeatable(() => this.#reader.badSlots(this.head(id)));
  }

  data(id: number): Iterable<SlotData> {
    return repeatable(() => this.#reader.data(this.head(id)));
  }

  remove(ids: Iterable<number>): RemovedSnapshots {
    this.#assertMayWrite();
    return translating(this.path, () => {
      const before = pragmaNumber(this.database, "page_count");
      const removed = inTransaction(this.database, () => this.#delete(ids));
      if (removed.length > 0) this.#shrink();
      const pages = before - pragmaNumber(this.database, "page_count");
      return {
        ids: removed,
        freedBytes: Math.max(0, pages) * pragmaNumber(this.database, "page_size"),
      };
    });
  }

  #delete(ids: Iterable<number>): number[] {
    const row = this.database.prepare("DELETE FROM snapshots WHERE id = ?");
    const removed = [...ids].filter((id) => row.run(id).changes > 0);
    if (removed.length === 0) return removed;
    this.database.exec(`
      DELETE FROM pieces WHERE NOT EXISTS (SELECT 1 FROM contents WHERE piece = pieces.id);
      DELETE FROM devices WHERE NOT EXISTS (SELECT 1 FROM snapshots WHERE device = devices.id);
    `);
    return removed;
  }

  /** Gives the room back. What has been removed stays removed if somebody else is writing. */
  #shrink(): void {
    try {
      // `exec` would take the first step of it only.
      this.database.prepare("PRAGMA incremental_vacuum").all();
      this.database.prepare("PRAGMA wal_checkpoint(TRUNCATE)").all();
    } catch (error) {
      if (!isBusy(error)) throw error;
    }
  }

  check(options: CheckOptions = {}): StoreReport {
    return checkStore(this.database, this.path, options);
  }

  sizeBytes(): number {
    return [this.path, `${this.path}-wal`]
      .reduce((sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0), 0);
  }

  #assertMayWrite(): void {
    if (this.readOnly) {
      throw new StoreReadOnlyError("the store was opened for reading only", { device: this.path });
    }
    if (this.#isTaking) {
      throw new StoreFailedError("a snapshot is being written already", { device: this.path });
    }
  }

  [Symbol.dispose](): void {
    try {
      this.database.close();
    } catch (error) {
      throw storeError(this.path, error);
    }
  }
}

/** Whoever goes through a list a second time must not find it empty. */
function repeatable<T>(start: () => Iterator<T>): Iterable<T> {
  return { [Symbol.iterator]: start };
}

function filterHeads(heads: readonly SnapshotHead[], filter: HeadFilter): SnapshotHead[] {
  const { name, deviceId, device } = filter;
  // A device is known by any of the spares and disks that it ever had.
  const group = device &&
    new Set(heads.filter((head) => isSameDevice(head.device, device)).map((head) => head.deviceId));
  return heads.filter((head) =>
    (name === undefined || head.device.name === name) &&
    (deviceId === undefined || head.deviceId === deviceId) &&
    (group === undefined || group.has(head.deviceId))
  );
}
