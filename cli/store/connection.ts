// SPDX-License-Identifier: GPL-2.0-only
// Opens the file: makes it, brings it up to date, or says why that cannot be.
import { accessSync, closeSync, constants, mkdirSync, openSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import {
  StoreDamagedError,
  StoreError,
  StoreFailedError,
  StoreMissingError,
  StoreNewerError,
  StoreReadOnlyError,
} from "./errors.ts";
import { APPLICATION_ID, MIGRATIONS } from "./schema.ts";
import { damagedStore, isBusy, notAStore, storeError, translating } from "./sqlite_error.ts";
import type { OpenOptions } from "./types.ts";

/** Long enough for a snapshot of a large table; one with content may take longer. */
const BUSY_TIMEOUT_MS = 30_000;
const NOTHING_YET = "is empty: no snapshot has been taken yet";

/**
 * A connection to a store of this version.
 * @param migrations what stores are brought up to date with
 */
export function connect(
  path: string,
  options: OpenOptions = {},
  migrations: readonly string[] = MIGRATIONS,
): DatabaseSync {
  const { readOnly = false, create = false, busyTimeoutMs = BUSY_TIMEOUT_MS } = options;
  if (create && !readOnly) makeFile(path);
  probe(path, create && !readOnly);
  const deadline = Date.now() + busyTimeoutMs;
  const database = openFile(path, readOnly, busyTimeoutMs);
  try {
    // The switch to a write-ahead log does not wait for others by itself.
    retryWhileBusy(deadline, () => prepare(database, path, options, migrations));
  } catch (error) {
    database.close();
    throw storeError(path, error);
  }
  return database;
}

/** One number that a pragma gives. */
export function pragmaNumber(database: DatabaseSync, pragma: string): number {
  const row = database.prepare(`PRAGMA ${pragma}`).get() ?? {};
  return Number(Object.values(row)[0] ?? 0);
}

/** Runs it in a transaction that has the right to write from its start on. */
export function inTransaction<T>(database: DatabaseSync, run: () => T): T {
  database.prepare("BEGIN IMMEDIATE").run();
  try {
    const result = run();
    database.prepare("COMMIT").run();
    return result;
  } catch (error) {
    rollBack(database);
    throw error;
  }
}

export function rollBack(database: DatabaseSync): void {
  // After some errors SQLite has done so already.
  if (database.isTransaction) database.prepare("ROLLBACK").run();
}

function makeFile(path: string): void {
  try {
    mkdirSync(dirname(resolve(path)), { recursive: true, mode: 0o700 });
    closeSync(openSync(path, "ax", 0o600));
  } catch (cause) {
    if (hasCode(cause, "EEXIST")) return;
    throw fileError(path, cause, "cannot be made");
  }
}

/**
 * SQLite would say "unable to open database file" to all of this. The file is not opened here: to
 * close it again would take away the locks that another connection of this process has on it.
 */
function probe(path: string, mayBeEmpty: boolean): void {
  try {
    const status = statSync(path);
    if (!status.isFile()) {
      throw new StoreFailedError("is no file", { device: path, cure: "name a file for the store" });
    }
    accessSync(path, constants.R_OK);
    if (status.size === 0 && !mayBeEmpty) throw missing(path, NOTHING_YET);
  } catch (cause) {
    throw cause instanceof StoreError ? cause : fileError(path, cause, "cannot be opened");
  }
}

function openFile(path: string, readOnly: boolean, timeout: number): DatabaseSync {
  return translating(path, () => {
    if (!readOnly) return new DatabaseSync(path, { timeout });
    const database = new DatabaseSync(path, { readOnly, timeout });
    try {
      database.prepare("SELECT 1 FROM sqlite_schema").get();
      return database;
    } catch (cause) {
      database.close();
      if (!(cause instanceof Error) || !CANNOT_SHARE.test(cause.message)) throw cause;
      return openUnshared(path, cause);
    }
  });
}

/** What SQLite says if it may not make the file beside it that processes share. */
const CANNOT_SHARE = /unable to open database file|attempt to write a readonly database/;

/**
 * On a file system that is mounted read-only there is no place for what processes share, and others
 * may not write where the store's owner may. Without a log nobody is writing now; whoever began to,
 * and got as far as the file itself, would be noticed by the digests. What is in a log only would
 * not be seen at all.
 */
function openUnshared(path: string, cause: Error): DatabaseSync {
  if ((statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0) {
    throw new StoreReadOnlyError("the last changes are in its log, which cannot be read here", {
      device: path,
      cause,
      cure: `copy it and ${path}-wal to where files can be written, and open the copy`,
    });
  }
  const url = pathToFileURL(resolve(path));
  url.search = "?mode=ro&immutable=1";
  return new DatabaseSync(url, { readOnly: true });
}

function prepare(
  database: DatabaseSync,
  path: string,
  { readOnly = false, create = false }: OpenOptions,
  migrations: readonly string[],
): void {
  const version = pragmaNumber(database, "user_version");
  assertOurs(database, path, version);
  if (version > migrations.length) {
    throw new StoreNewerError(
      `the store has version ${version}, and this program knows ${migrations.length} and below`,
      { device: path, cure: "update dm-remap's tool" },
    );
  }
  if (version === 0 && (readOnly || !create)) throw missing(path, NOTHING_YET);
  if (readOnly && version < migrations.length) {
    throw new StoreReadOnlyError(
      `the store has version ${version} and must be brought to version ${migrations.length}`,
      { device: path, cure: "open it once with the right to write, such as by `snapshot take`" },
    );
  }
  for (
    const pragma of ["foreign_keys = ON", "trusted_schema = OFF", "cell_size_check = ON"]
  ) database.exec(`PRAGMA ${pragma}`);
  if (!readOnly) {
    if (version === 0) database.exec("PRAGMA auto_vacuum = INCREMENTAL");
    database.prepare("PRAGMA journal_mode = WAL").get();
    database.exec("PRAGMA synchronous = FULL");
    if (version < migrations.length) migrate(database, migrations);
  }
  assertSchema(database, path, migrations);
}

/** A new file has neither number; somebody else's database has tables. */
function assertOurs(database: DatabaseSync, path: string, version: number): void {
  const id = pragmaNumber(database, "application_id");
  if (id === APPLICATION_ID) {
    if (version > 0) return;
    throw new StoreDamagedError("the store has no version", { device: path });
  }
  const { tables } = database.prepare("SELECT count(*) AS tables FROM sqlite_schema").get() ?? {};
  if (id !== 0 || version !== 0 || tables !== 0) throw notAStore(path);
}

/**
 * Tables must be what they were made as: a file from elsewhere could have a view in the place of
 * one, or a trigger that does something to what is written.
 */
function assertSchema(database: DatabaseSync, path: string, migrations: readonly string[]): void {
  const actual = schemaOf(database);
  const model = new DatabaseSync(":memory:");
  for (const sql of migrations) model.exec(sql);
  const expected = schemaOf(model);
  model.close();
  const isForeign = [...actual].some((made) => /^CREATE (TRIGGER|VIEW) /i.test(made));
  if (!isForeign && expected.isSubsetOf(actual)) return;
  throw damagedStore(path, "its tables are not those of a store");
}

function schemaOf(database: DatabaseSync): Set<string> {
  const rows = database.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL").all();
  return new Set(rows.map(({ sql }) => String(sql)));
}

function migrate(database: DatabaseSync, migrations: readonly string[]): void {
  inTransaction(database, () => {
    // Another process may have done so while we waited.
    const version = pragmaNumber(database, "user_version");
    for (const sql of migrations.slice(version)) database.exec(sql);
    database.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
    database.exec(`PRAGMA user_version = ${Math.max(version, migrations.length)}`);
  });
}

function retryWhileBusy(deadline: number, run: () => void): void {
  for (;;) {
    try {
      return run();
    } catch (error) {
      if (!isBusy(error) || Date.now() >= deadline) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    }
  }
}

function missing(path: string, reason: string): StoreMissingError {
  return new StoreMissingError(reason, {
    device: path,
    cure: "`snapshot take` and `snapshot import` make a store; --store names another file",
  });
}

function fileError(path: string, cause: unknown, what: string): unknown {
  if (hasCode(cause, "ENOENT")) return missing(path, "there is no store of snapshots");
  const options = { device: path, cause };
  if (hasCode(cause, "EACCES") || hasCode(cause, "EPERM")) {
    return new StoreFailedError(`the store ${what}: permission denied`, {
      ...options,
      cure: "run this as root, or name a store of your own with --store",
    });
  }
  if (hasCode(cause, "EROFS")) {
    return new StoreReadOnlyError(`the store ${what} on a read-only file system`, {
      ...options,
      cure: "name another file with --store",
    });
  }
  if (hasCode(cause, "ENOSPC")) {
    return storeError(path, Object.assign(new Error("ENOSPC", { cause }), fullDisk));
  }
  return new StoreFailedError(`the store ${what}`, options);
}

/** What SQLite itself would say. */
const fullDisk = { code: "ERR_SQLITE_ERROR", errcode: 13 };

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
