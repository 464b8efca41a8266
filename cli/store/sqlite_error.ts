// SPDX-License-Identifier: GPL-2.0-only
// What SQLite says, in the words of whoever keeps snapshots.
import {
  StoreBusyError,
  StoreDamagedError,
  StoreError,
  StoreFailedError,
  StoreFullError,
  StoreReadOnlyError,
} from "./errors.ts";

type Kind = "busy" | "read-only" | "full" | "damaged" | "other file";

/** SQLite's primary result codes. */
const CODES: Readonly<Record<number, Kind>> = {
  5: "busy",
  6: "busy",
  8: "read-only",
  // The file is there and can be read: it is the log beside it that cannot be made.
  14: "read-only",
  11: "damaged",
  13: "full",
  26: "other file",
};

/** The file that processes share has no room to grow: the disk is full, too. */
const NO_SHARED_MEMORY = 4874;

/** `exec` gives no codes. */
const TEXTS: readonly (readonly [string, Kind])[] = [
  ["database is locked", "busy"],
  ["database table is locked", "busy"],
  ["unable to open database file", "read-only"],
  ["attempt to write a readonly database", "read-only"],
  ["malformed", "damaged"],
  ["file is not a database", "other file"],
  ["database or disk is full", "full"],
];

/** Is it a lock that another process holds? */
export function isBusy(error: unknown): boolean {
  return error instanceof StoreBusyError || kindOf(error) === "busy";
}

/** An error of SQLite, as one of ours; others stay as they are. */
export function storeError(path: string, error: unknown): unknown {
  if (error instanceof StoreError || !isSqliteError(error)) return error;
  const options = { device: path, cause: error };
  switch (kindOf(error)) {
    case "busy":
      return new StoreBusyError("another process has been using the store for too long", {
        ...options,
        cure: "wait until it has ended; `fuser` tells which process has the file open",
      });
    case "read-only":
      return new StoreReadOnlyError("the store, or the folder that it is in, cannot be written", {
        ...options,
        cure: "check the permissions of both, and whether the file system is mounted read-only",
      });
    case "full":
      return new StoreFullError("no room left for the store; nothing was changed", {
        ...options,
        cure: "make room on the file system, or remove snapshots with `snapshot prune`",
      });
    case "damaged":
      return damagedStore(path, "the store is damaged", error);
    case "other file":
      return notAStore(path, error);
    default:
      return new StoreFailedError("the store cannot be read or written", options);
  }
}

export function damagedStore(path: string, reason: string, cause?: unknown): StoreDamagedError {
  return new StoreDamagedError(reason, {
    device: path,
    cure:
      "`snapshot check` tells what is damaged, `snapshot import` takes the rest into another store",
    ...cause === undefined ? {} : { cause },
  });
}

export function notAStore(path: string, cause?: unknown): StoreDamagedError {
  return new StoreDamagedError("is no store of snapshots, or its first page is damaged", {
    device: path,
    cure: "name another file with --store, or take this one from a backup",
    ...cause === undefined ? {} : { cause },
  });
}

/** Runs it; errors of SQLite come out as ours. */
export function translating<T>(path: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw storeError(path, error);
  }
}

function isSqliteError(error: unknown): error is Error {
  return error instanceof Error && "code" in error && error.code === "ERR_SQLITE_ERROR";
}

function kindOf(error: unknown): Kind | undefined {
  if (!isSqliteError(error)) return undefined;
  if ("errcode" in error && typeof error.errcode === "number") {
    if (error.errcode === NO_SHARED_MEMORY) return "full";
    const kind = CODES[error.errcode & 0xff];
    if (kind !== undefined) return kind;
  }
  return TEXTS.find(([text]) => error.message.includes(text))?.[1];
}
