// SPDX-License-Identifier: GPL-2.0-only
import type { Place, RemapResult, UnmapResult } from "../../cli/device/messages.ts";
import type { RemapStatus } from "../../cli/device/status_line.ts";
import type { Range } from "./model.ts";
import type { Side } from "./operations.ts";

/** What came of a request: its value, or the name of its errno. */
export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly code: string };

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
  message(text: string): Promise<Outcome<string>>;
  /** Makes exactly these sectors fail: of the target on main, of the spare device on the spare. */
  setFaults(side: Side, sectors: ReadonlySet<number>): Promise<void>;
  suspend(): Promise<void>;
  resume(): Promise<void>;
  /** Loads the same table again; suspends and resumes. */
  reload(): Promise<void>;
  /** Removes the target and makes it again; the devices below stay as they are. */
  recreate(): Promise<void>;
  /** Past the target: sectors of main's range, and sectors of the spare device. */
  readMain(range: Range): Promise<Outcome<Uint8Array>>;
  readSpare(range: Range): Promise<Outcome<Uint8Array>>;
}
