// SPDX-License-Identifier: GPL-2.0-only
import { fromCString, toCString } from "./cstring.ts";
import { requireDriver } from "./dm_driver.ts";
import { EventPoll } from "./dm_event.ts";
import { type DmLibrary, dmLibrary } from "./dm_library.ts";
import { checkDeviceName, mangle, unmangle } from "./dm_names.ts";
import { runWithNodes } from "./dm_nodes.ts";
import { DmTask, type Operation } from "./dm_task.ts";
import { DeviceMapperError } from "./errors.ts";

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

const ENXIO = 6;
/** sizeof(struct dm_info), with room for what later libraries may add. */
const INFO_SIZE = 128;

/** How many instances are open: the last one to go closes the control device. */
let users = 0;

/**
 * The device mapper. What changes something runs on another thread, because a suspend waits for I/O
 * that this very process may have under way; what only asks is synchronous.
 */
export class DeviceMapper implements Disposable {
  readonly #library: DmLibrary;
  #driverFound = false;
  #closed = false;
  #running = 0;

  private constructor(library: DmLibrary) {
    this.#library = library;
    users++;
  }

  /** @throws {LibraryError} if libdevmapper cannot be loaded */
  static open(): DeviceMapper {
    return new DeviceMapper(dmLibrary());
  }

  libraryVersion(): string {
    const text = new Uint8Array(64);
    this.#library.dm_get_library_version(text, BigInt(text.length));
    return new TextDecoder().decode(text.subarray(0, text.indexOf(0)));
  }

  /** @throws {NoDeviceMapperError} if the kernel has no device mapper */
  driverVersion(): string {
    using task = this.#task("version");
    task.run();
    const text = new Uint8Array(64);
    const found = this.#library.dm_task_get_driver_version(task.pointer, text, 64n);
    task.check(found, "read the driver's version");
    return new TextDecoder().decode(text.subarray(0, text.indexOf(0)));
  }

  /** Creates a device without a table. */
  async create(name: string, options: { readonly uuid?: string } = {}): Promise<void> {
    using task = this.#task("create", name);
    if (options.uuid !== undefined) {
      const uuid = toCString(mangle(options.uuid));
      task.check(this.#library.dm_task_set_uuid(task.pointer, uuid), "set its UUID");
    }
    await this.#run(task);
  }

  /** Creates, loads and resumes; a device that could not be finished is removed again. */
  async createWithTable(
    name: string,
    targets: readonly TargetSpec[],
    options: { readonly uuid?: string; readonly readOnly?: boolean } = {},
  ): Promise<void> {
    await this.create(name, options);
    try {
      await this.reload(name, targets, options);
      await this.resume(name);
    } catch (error) {
      // The first failure is the one to tell, whatever becomes of the removal.
      await this.remove(name, { retry: true }).catch(() => {});
      throw error;
    }
  }

  /** Loads a table into the inactive slot; {@linkcode resume} puts it to work. */
  async reload(
    name: string,
    targets: readonly TargetSpec[],
    options: { readonly readOnly?: boolean } = {},
  ): Promise<void> {
    using task = this.#task("reload", name);
    const info = this.info(name);
    if (info !== undefined) task.alsoKnownAs(`${info.major}:${info.minor}`);
    for (const { start, length, type, params } of targets) {
      const added = this.#library.dm_task_add_target(
        task.pointer,
        start,
        length,
        toCString(type),
        toCString(params),
      );
      task.check(added, `take the target "${type}"`);
    }
    if (options.readOnly === true) task.set("dm_task_set_ro");
    await this.#run(task);
  }

  async resume(name: string): Promise<void> {
    using task = this.#task("resume", name);
    await runWithNodes(this.#library, task, [name], () => this.#run(task), { alone: false });
  }

  async suspend(name: string, options: SuspendOptions = {}): Promise<void> {
    using task = this.#task("suspend", name);
    if (options.noflush === true) task.set("dm_task_no_flush");
    if (options.skipLockfs === true) task.set("dm_task_skip_lockfs");
    await this.#run(task);
  }

  async remove(name: string, options: RemoveOptions = {}): Promise<void> {
    using task = this.#task("remove", name);
    if (options.retry === true) task.set("dm_task_retry_remove");
    if (options.deferred === true) task.set("dm_task_deferred_remove");
    await runWithNodes(this.#library, task, [name], () => this.#run(task), { alone: true });
  }

  async rename(oldName: string, newName: string): Promise<void> {
    checkDeviceName("rename", newName);
    using task = this.#task("rename", oldName);
    const set = this.#library.dm_task_set_newname(task.pointer, toCString(mangle(newName)));
    task.check(set, "set its new name");
    // Waits for nothing, and puts its node on the library's list: no work for a thread.
    await runWithNodes(this.#library, task, [oldName, newName], () => task.run(), { alone: true });
  }

  /** Drops the inactive table. */
  async clear(name: string): Promise<void> {
    using task = this.#task("clear", name);
    await this.#run(task);
  }

  info(name: string): DeviceInfo | undefined {
    using task = this.#task("info", name);
    task.run();
    return this.#readInfo(task, name);
  }

  #readInfo(task: DmTask, name: string): DeviceInfo | undefined {
    const bytes = new Uint8Array(INFO_SIZE);
    task.check(this.#library.dm_task_get_info(task.pointer, bytes), "read its state");
    const view = new DataView(bytes.buffer);
    const word = (index: number) => view.getUint32(4 * index, true);
    if (word(0) === 0) return undefined;
    return {
      name,
      suspended: word(1) !== 0,
      liveTable: word(2) !== 0,
      inactiveTable: word(3) !== 0,
      openCount: word(4),
      eventNr: BigInt(word(5)),
      major: word(6),
      minor: word(7),
      readOnly: word(8) !== 0,
      targetCount: word(9),
      deferredRemove: word(10) !== 0,
      uuid: unmangle(fromCString(this.#library.dm_task_get_uuid(task.pointer)) ?? ""),
    };
  }

  /** The devices that the live table, or else the inactive one, uses. */
  deps(name: string): DeviceNumber[] {
    using task = this.#task("deps", name);
    task.run();
    return [...task.deps()];
  }

  table(name: string): TargetLine[] {
    using task = this.#task("table", name);
    task.run();
    return [...task.targets()];
  }

  status(name: string, options: { readonly noflush?: boolean } = {}): TargetLine[] {
    using task = this.#task("status", name);
    if (options.noflush === true) task.set("dm_task_no_flush");
    task.run();
    // The library takes a status of nothing for a success.
    if (this.#readInfo(task, name) === undefined) {
      throw new DeviceMapperError("status", name, ENXIO);
    }
    return [...task.targets()];
  }

  /** Sends a message to the target at `sector`; resolves to its reply, if it gave one. */
  async message(name: string, sector: bigint, text: string): Promise<string | undefined> {
    using task = this.#task("message", name);
    task.check(this.#library.dm_task_set_sector(task.pointer, sector), "set the sector");
    const message = toCString(text);
    task.check(this.#library.dm_task_set_message(task.pointer, message), "set the message");
    await this.#run(task);
    return fromCString(this.#library.dm_task_get_message_response(task.pointer));
  }

  list(): ListedDevice[] {
    using task = this.#task("list");
    task.run();
    return [...task.names()];
  }

  /** The target types that are loaded. */
  versions(): TargetVersion[] {
    using task = this.#task("list versions");
    task.run();
    return [...task.versions()];
  }

  /**
   * Resolves to the device's event number once it differs from `eventNr`. The promise keeps the
   * program alive; `signal` ends it at once, with the signal's reason.
   * @throws {DeviceMapperError} ENXIO if there is no such device, or no longer
   */
  async waitEvent(name: string, eventNr: bigint, signal?: AbortSignal): Promise<bigint> {
    signal?.throwIfAborted();
    if (this.info(name) === undefined) throw new DeviceMapperError("wait", name, ENXIO);
    using poll = new EventPoll();
    const wake = () => poll.wake();
    signal?.addEventListener("abort", wake);
    try {
      for (;;) {
        // Armed first, so that an event between the look and the wait is not missed.
        poll.arm();
        const info = this.info(name);
        if (info === undefined) throw new DeviceMapperError("wait", name, ENXIO);
        if (info.eventNr !== eventNr) return info.eventNr;
        await poll.wait();
        signal?.throwIfAborted();
      }
    } finally {
      signal?.removeEventListener("abort", wake);
    }
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    users--;
    // Closing it under a thread that is using it would be worse than leaving it open.
    if (users === 0 && this.#running === 0 && this.#driverFound) this.#library.dm_lib_release();
  }

  #task(operation: Operation, name?: string): DmTask {
    if (this.#closed) throw new Error("the device mapper was used after its release");
    if (name !== undefined) checkDeviceName(operation, name);
    if (!this.#driverFound) {
      // The first task opens the library's control device, which threads must find open.
      requireDriver(operation, name ?? "", () => {
        new DmTask(this.#library, "list")[Symbol.dispose]();
      });
      this.#driverFound = true;
    }
    return new DmTask(this.#library, operation, name);
  }

  async #run(task: DmTask): Promise<void> {
    this.#running++;
    try {
      await task.runInThread();
    } finally {
      this.#running--;
    }
  }
}
