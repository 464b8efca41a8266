// SPDX-License-Identifier: GPL-2.0-only
// All that can be wrong with a store, found without changing it.
import type { DatabaseSync } from "node:sqlite";
import { firstUncovered } from "./coverage.ts";
import { StoreDamagedError, StoreError } from "./errors.ts";
import { exactStatement, Reader } from "./read.ts";
import { storeError } from "./sqlite_error.ts";
import type { CheckOptions, StoreFinding, StoreReport } from "./types.ts";

/** More of the same say nothing new. */
const MOST_FINDINGS = 100;

/** @throws {StoreError} for what is no damage, such as a store that is in use for too long */
export function checkStore(
  database: DatabaseSync,
  path: string,
  options: CheckOptions = {},
): StoreReport {
  const checker = new Checker(database, path);
  // All is seen as it was at one moment, whatever others write meanwhile.
  checker.attempt("structure", undefined, () => void database.prepare("BEGIN").run());
  try {
    checker.structure(options.quick === true);
    if (options.quick !== true) checker.snapshots(options.onProgress);
  } finally {
    if (database.isTransaction) database.prepare("ROLLBACK").run();
  }
  return checker.report();
}

class Checker {
  readonly #reader: Reader;
  readonly #findings: StoreFinding[] = [];
  readonly #looked = { snapshots: 0, entries: 0, dataBytes: 0 };

  constructor(private readonly database: DatabaseSync, private readonly path: string) {
    this.#reader = new Reader(database, path);
  }

  report(): StoreReport {
    return { path: this.path, findings: this.#findings, ...this.#looked };
  }

  /** Does it find damage, or throw for it? Either is a finding. */
  attempt(code: string, id: number | undefined, run: () => void): void {
    try {
      run();
    } catch (error) {
      const known = storeError(this.path, error);
      if (!(known instanceof StoreDamagedError)) throw known;
      this.#find(code, id, messageOf(known));
    }
  }

  structure(quick: boolean): void {
    const pragma = quick ? "quick_check" : "integrity_check";
    this.attempt("structure", undefined, () => {
      for (const row of this.database.prepare(`PRAGMA ${pragma}(${MOST_FINDINGS})`).all()) {
        const message = String(Object.values(row)[0]);
        if (message !== "ok") this.#find("structure", undefined, message);
      }
    });
    this.attempt("reference", undefined, () => {
      for (const row of exactStatement(this.database, "PRAGMA foreign_key_check").all()) {
        const { table, parent } = row;
        this.#find("reference", undefined, `a row of ${table} has no counterpart in ${parent}`);
      }
    });
  }

  snapshots(onProgress: CheckOptions["onProgress"]): void {
    let ids: number[] = [];
    this.attempt("head", undefined, () => void (ids = this.#reader.ids()));
    for (const [done, id] of ids.entries()) {
      this.#snapshot(id);
      onProgress?.(done + 1, ids.length);
    }
    this.attempt("orphan", undefined, () => {
      const sql = "SELECT count(*) AS orphans FROM pieces AS p " +
        "WHERE NOT EXISTS (SELECT 1 FROM contents WHERE piece = p.id)";
      const { orphans } = this.database.prepare(sql).get() ?? {};
      if (orphans === 0) return;
      this.#find("orphan", undefined, `${orphans} pieces of content belong to no snapshot`);
    });
  }

  #snapshot(id: number): void {
    this.attempt("head", id, () => {
      const head = this.#reader.head(id);
      this.#looked.snapshots++;
      this.attempt("digest", id, () => {
        this.#reader.verifyTable(head);
        this.#looked.entries += head.entries;
      });
      this.attempt("content", id, () => this.#reader.verifyPlaces(head));
      this.attempt("content", id, () => {
        const reader = this.#reader;
        const gap = firstUncovered(reader.entryRows(id), reader.contentRows(id));
        if (gap === undefined) return;
        const run = `${gap.first}+${gap.length}`;
        this.#find("content", id, `snapshot ${id} has content of ${run}, which is not relocated`);
      });
      this.#contents(id);
    });
  }

  /** Every piece of its own: one that is damaged says nothing of the others. */
  #contents(id: number): void {
    this.attempt("content", id, () => {
      for (const row of this.#reader.contentRows(id)) {
        this.attempt("content", id, () => {
          this.#looked.dataBytes += this.#reader.bytesOf(id, row).length;
        });
      }
    });
  }

  #find(code: string, id: number | undefined, message: string): void {
    if (this.#findings.length >= MOST_FINDINGS) return;
    this.#findings.push({ code, ...id === undefined ? {} : { id }, message });
  }
}

function messageOf(error: StoreError): string {
  return error.cause instanceof Error ? `${error.reason}: ${error.cause.message}` : error.reason;
}
