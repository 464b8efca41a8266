// SPDX-License-Identifier: GPL-2.0-only

/** One line of a table, to be loaded. */
export interface TargetSpec {
  readonly start: bigint;
  readonly length: bigint;
  readonly type: string;
  readonly params: string;
}
/** One line of a table or of a status, as the kernel gave it. */
export type TargetLine = TargetSpec;

export interface DeviceNumber {
  readonly major: number;
  readonly minor: number;
}
export interface ListedDevice extends DeviceNumber {
  readonly name: string;
}
export interface DeviceInfo extends DeviceNumber {
  readonly name: string;
  readonly suspended: boolean;
  readonly readOnly: boolean;
  readonly liveTable: boolean;
  readonly inactiveTable: boolean;
  readonly deferredRemove: boolean;
  readonly openCount: number;
  readonly targetCount: number;
  /** Counts the device's events; see {@linkcode DeviceMapper.waitEvent}. */
  readonly eventNr: bigint;
  readonly uuid: string;
}
export interface TargetVersion {
  readonly name: string;
  readonly version: string;
}
export interface SuspendOptions {
  /** Do not wait for queued I/O: the target may push it back. */
  readonly noflush?: boolean;
  /** Do not freeze a file system that is mounted on the device. */
  readonly skipLockfs?: boolean;
}
export interface RemoveOptions {
  /** Try again for some seconds if somebody (udev mostly) has the device open just now. */
  readonly retry?: boolean;
  /** Let the kernel remove it when its last user closes it. */
  readonly deferred?: boolean;
}

/**
 * The device mapper. What changes something runs off the event loop, one after the other, because a
 * suspend waits for I/O that this very process may have under way; what only asks is synchronous.
 */
export declare class DeviceMapper implements Disposable {
  private constructor();
  /** @throws {LibraryError} if libdevmapper cannot be loaded */
  static open(): DeviceMapper;
  libraryVersion(): string;
  /** @throws {NoDeviceMapperError} if the kernel has no device mapper */
  driverVersion(): string;
  /** Creates a device without a table. */
  create(name: string, options?: { readonly uuid?: string }): Promise<void>;
  /** Creates, loads and resumes; a device that could not be finished is removed again. */
  createWithTable(
    name: string,
    targets: readonly TargetSpec[],
    options?: { readonly uuid?: string; readonly readOnly?: boolean },
  ): Promise<void>;
  /** Loads a table into the inactive slot; {@linkcode resume} puts it to work. */
  reload(
    name: string,
    targets: readonly TargetSpec[],
    options?: { readonly readOnly?: boolean },
  ): Promise<void>;
  resume(name: string): Promise<void>;
  suspend(name: string, options?: SuspendOptions): Promise<void>;
  remove(name: string, options?: RemoveOptions): Promise<void>;
  rename(oldName: string, newName: string): Promise<void>;
  /** Drops the inactive table. */
  clear(name: string): Promise<void>;
  info(name: string): DeviceInfo | undefined;
  deps(name: string): DeviceNumber[];
  table(name: string): TargetLine[];
  status(name: string, options?: { readonly noflush?: boolean }): TargetLine[];
  /** Sends a message to the target at `sector`; resolves to its reply, if it gave one. */
  message(name: string, sector: bigint, text: string): Promise<string | undefined>;
  list(): ListedDevice[];
  /** The target types that are loaded. */
  versions(): TargetVersion[];
  /** Resolves to the device's event number once it differs from `eventNr`. */
  waitEvent(name: string, eventNr: bigint, signal?: AbortSignal): Promise<bigint>;
  [Symbol.dispose](): void;
}
