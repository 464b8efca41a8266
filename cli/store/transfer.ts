// SPDX-License-Identifier: GPL-2.0-only
// Snapshots leave a store and come into another one, as JSON or as a store of their own.
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import {
  ExportError,
  ImportDamagedError,
  ImportError,
  InvalidSnapshotError,
  SnapshotExistsError,
  StoreDamagedError,
  StoreError,
} from "./errors.ts";
import { beginsLikeOurs, JsonSnapshotFile, openForReading, snapshotJson } from "./json_file.ts";
import { openStore } from "./open.ts";
import { translating } from "./sqlite_error.ts";
import type { SnapshotHead, Store } from "./types.ts";

export { snapshotJson } from "./json_file.ts";

export interface ExportOptions {
  /** A file that is there is replaced. */
  readonly overwrite?: boolean;
}

/** What became of a snapshot in a file. */
export interface Imported {
  /** As it is in the store now. */
  readonly head: SnapshotHead;
  /** Or has it been there before? */
  readonly isNew: boolean;
}

/**
 * One snapshot as JSON. The file is there whole, or not at all.
 * @throws {StoreError}
 */
export async function exportJson(
  store: Store,
  id: number,
  path: string,
  options: ExportOptions = {},
): Promise<void> {
  store.head(id);
  await replacing(path, options, (temporary) => {
    const file = openSync(temporary, "ax", 0o600);
    try {
      const encoder = new TextEncoder();
      for (const text of snapshotJson(store, id)) writeAll(file, encoder.encode(text));
    } finally {
      closeSync(file);
    }
  });
}

/**
 * Snapshots as a store of their own, in one file. The file is there whole, or not at all.
 * @throws {StoreError}
 */
export async function exportStore(
  store: Store,
  ids: Iterable<number>,
  path: string,
  options: ExportOptions = {},
): Promise<void> {
  const heads = [...ids].map((id) => store.head(id));
  await replacing(path, options, async (temporary) => {
    // A store would make its folders as well.
    closeSync(openSync(temporary, "ax", 0o600));
    {
      using copy = openStore(temporary, { create: true });
      for (const head of heads) await copySnapshot(store, head, copy);
    }
    leaveLog(temporary);
  });
}

/**
 * Everything in a file that one of the exports has written. What the store has already is left as it
 * is. Each snapshot comes whole or not at all.
 * @throws {StoreDamagedError} if some of a store are damaged; all others are taken over all the same
 * @throws {ImportDamagedError} if a document was changed since it was written
 * @throws {StoreError}
 */
export async function importSnapshots(store: Store, path: string): Promise<Imported[]> {
  if (!isDatabase(path)) return [await importJson(store, path)];
  using source = openStore(path, { readOnly: true });
  const imported: Imported[] = [];
  const damaged: number[] = [];
  let cause: unknown;
  for (const id of source.ids()) {
    try {
      imported.push(
        await importOne(store, path, () => copySnapshot(source, source.head(id), store)),
      );
    } catch (error) {
      if (!(error instanceof StoreDamagedError) || error.device !== path) throw error;
      damaged.push(id);
      cause ??= error.cause;
    }
  }
  if (damaged.length === 0) return imported;
  throw new StoreDamagedError(
    `snapshots that are damaged: ${damaged.join(", ")}; taken over were ${imported.length} others`,
    { device: path, cause },
  );
}

/** @throws {ImportError} */
async function importJson(store: Store, path: string): Promise<Imported> {
  try {
    using file = new JsonSnapshotFile(path);
    return await importOne(
      store,
      path,
      () => store.takeSnapshot(file.snapshot, file.content),
    );
  } catch (error) {
    if (!(error instanceof ImportError) || !beginsLikeOurs(path)) throw error;
    throw new ImportDamagedError(error.reason, {
      device: path,
      cause: error.cause,
      cure: EXPORT_AGAIN,
    });
  }
}

const EXPORT_AGAIN = "export the snapshot again, or take another copy of the file";

/** @throws {ImportError} for what the store refuses */
async function importOne(
  store: Store,
  path: string,
  take: () => Promise<SnapshotHead>,
): Promise<Imported> {
  try {
    return { head: await take(), isNew: true };
  } catch (error) {
    if (error instanceof SnapshotExistsError) return { head: store.head(error.id), isNew: false };
    if (!(error instanceof InvalidSnapshotError)) throw error;
    throw new ImportError("was changed since it was written, or is damaged", {
      device: path,
      cause: error.cause,
      cure: EXPORT_AGAIN,
    });
  }
}

function copySnapshot(from: Store, head: SnapshotHead, to: Store): Promise<SnapshotHead> {
  return to.takeSnapshot(head, {
    entries: from.entries(head.id),
    badSlots: from.badSlots(head.id),
    data: from.data(head.id),
    seal: head.seal,
  });
}

/** A file without a log can be read from where nothing can be written. */
function leaveLog(path: string): void {
  translating(path, () => {
    const database = new DatabaseSync(path);
    try {
      database.prepare("PRAGMA journal_mode = DELETE").get();
    } finally {
      database.close();
    }
  });
}

/** Lets it write a file beside, which then takes the other one's place. */
async function replacing(
  path: string,
  { overwrite = false }: ExportOptions,
  write: (temporary: string) => void | Promise<void>,
): Promise<void> {
  if (!overwrite && existsSync(path)) {
    throw new ExportError("is there already", {
      device: path,
      cure: "name another file, or give --force to replace this one",
    });
  }
  const temporary = `${path}.${Deno.pid}.tmp`;
  try {
    await write(temporary);
    syncFile(temporary);
    renameSync(temporary, path);
    syncFile(dirname(path));
  } catch (error) {
    removeAll(["", "-wal", "-shm"].map((suffix) => temporary + suffix));
    if (error instanceof StoreError && error.device !== temporary) throw error;
    throw new ExportError("cannot be written", {
      device: path,
      cause: error instanceof StoreError ? error.cause ?? error : error,
    });
  }
}

function removeAll(paths: readonly string[]): void {
  for (const path of paths) {
    try {
      rmSync(path, { force: true });
    } catch {
      // Whatever was wrong with its folder is known already.
    }
  }
}

function syncFile(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
}

/** @throws {ImportError} */
function isDatabase(path: string): boolean {
  const file = openForReading(path);
  try {
    const header = new Uint8Array(16);
    readSync(file, header);
    return new TextDecoder().decode(header) === "SQLite format 3\0";
  } catch (cause) {
    throw new ImportError("cannot be read", { device: path, cause });
  } finally {
    closeSync(file);
  }
}
