// SPDX-License-Identifier: GPL-2.0-only
import type { Place, RemapResult, UnmapResult } from "../../cli/device/messages.ts";
import type { RemapStatus } from "../../cli/device/status_line.ts";
import type { Extent } from "../../cli/metadata/extent.ts";
import type { Death, FaultKind, Passing } from "./faults.ts";
import type { Range } from "../suite/guest/range.ts";
import type { Side } from "./operations.ts";

/** What came of a request: its value, or the name of its errno. */
export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly code: string };

/** The errno's name, if it failed. */
export function codeOf(outcome: Outcome<unknown>): string | undefined {
  return outcome.ok ? undefined : outcome.code;
}

/** What the metadata says to somebody who reads the spare without the target. */
export interface OfflineView {
  readonly generation: number;
  /** Blocks of the journal that count. */
  readonly journalUsed: number;
  /** Sectors of the target, or slots that are bad; slots are sectors of the spare device. */
  readonly extents: readonly Extent[];
  /** As the superblock counts; only right while the journal is empty. */
  readonly counts: Readonly<Record<"remapped" | "lost" | "pending" | "bad", number>>;
}

/** A remap target and the devices below it, as the runner drives them. */
export interface TestDevice extends AsyncDisposable {
  /** Fresh devices: main and spare hold their first stamps, nothing is relocated. */
  prepare(seed: number): Promise<void>;
  read(range: Range): Promise<Outcome<Uint8Array>>;
  write(range: Range, data: Uint8Array, fua: boolean): Promise<Outcome<void>>;
  flush(): Promise<Outcome<void>>;
  discard(range: Range): Promise<Outcome<void>>;
  zero(range: Range): Promise<Outcome<void>>;
  remap(ranges: readonly Range[]): Promise<Outcome<RemapResult>>;
  unmap(range: Range, force: boolean): Promise<Outcome<UnmapResult>>;
  clear(force: boolean): Promise<Outcome<UnmapResult>>;
  verify(range: Range): Promise<readonly Place[]>;
  entries(pageSize: number): Promise<readonly Place[]>;
  stats(): Promise<ReadonlyMap<string, bigint | string>>;
  status(): RemapStatus;
  /** Scans a range to its end. */
  scan(range: Range): Promise<Outcome<void>>;
  message(text: string): Promise<Outcome<string>>;
  /** Makes sectors fail: of the target on main, of the spare device on the spare. */
  addFault(side: Side, kind: FaultKind, range: Range): Promise<void>;
  /** All sectors work again; a dead device stays dead. */
  heal(side: Side): Promise<void>;
  /** All of a device fails, or no more so. */
  setDead(side: Side, how: Death | undefined): Promise<void>;
  /** The faults that pass by themselves and have not yet done so. */
  passing(side: Side): Promise<Passing>;
  suspend(): Promise<void>;
  resume(): Promise<void>;
  /** Loads the same table again; suspends and resumes. */
  reload(): Promise<void>;
  /** Removes the target and makes it again; the devices below stay as they are. */
  recreate(): Promise<void>;
  /** Moves to the other spare, which is healed before. */
  migrate(): Promise<Outcome<void>>;
  /** Of a table with metadata. */
  offline(): Promise<OfflineView>;
  /** Past the target: sectors of main's range, and sectors of the spare device. */
  readMain(range: Range): Promise<Outcome<Uint8Array>>;
  readSpare(range: Range): Promise<Outcome<Uint8Array>>;
}
