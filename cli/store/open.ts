// SPDX-License-Identifier: GPL-2.0-only
import { connect } from "./connection.ts";
import { SqliteStore } from "./store.ts";
import type { OpenOptions, Store } from "./types.ts";

/** Where snapshots are kept unless `--store` says otherwise. */
export const DEFAULT_STORE = "/var/lib/dmremap-ts/snapshots.db";

/**
 * Opens a store. One of an older version is brought up to date.
 *
 * ```ts
 * using store = openStore(DEFAULT_STORE, { create: true });
 * const head = await store.takeSnapshot(snapshot, { entries, badSlots });
 * for (const { first, length, state } of store.entries(head.id)) show(first, length, state);
 * ```
 * @throws {StoreError}
 */
export function openStore(path: string, options: OpenOptions = {}): Store {
  return new SqliteStore(path, options.readOnly === true, connect(path, options));
}
