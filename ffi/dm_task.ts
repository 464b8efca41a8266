// SPDX-License-Identifier: GPL-2.0-only
import { fromCString, toCString } from "./cstring.ts";
import type { DmLibrary } from "./dm_library.ts";
import { mangle, splitDeviceNumber, unmangle } from "./dm_names.ts";
import { DeviceMapperError, NoDeviceMapperError } from "./errors.ts";
import { deviceMapperReasons, KernelLogMark } from "./kernel_log.ts";

/** The task types of libdevmapper.h. */
const TaskType = {
  create: 0,
  reload: 1,
  remove: 2,
  suspend: 4,
  resume: 5,
  info: 6,
  deps: 7,
  rename: 8,
  version: 9,
  status: 10,
  table: 11,
  list: 13,
  clear: 14,
  "list versions": 16,
  message: 17,
} as const;
/** What a task does, as it reads in an error. */
export type Operation = keyof typeof TaskType;

const EIO = 5;
const ENODEV = 19;

/** Setters that take nothing but the task. */
type Flag =
  | "dm_task_set_ro"
  | "dm_task_no_flush"
  | "dm_task_skip_lockfs"
  | "dm_task_retry_remove"
  | "dm_task_deferred_remove";

/** One request to the device mapper, freed by `using`. No pointer of it outlives it. */
export class DmTask implements Disposable {
  readonly #library: DmLibrary;
  #pointer: Deno.PointerValue;
  readonly #kernelLog: KernelLogMark | undefined;
  /** Names by which the kernel log may call the device. */
  #logNames: string[];

  /** @throws {NoDeviceMapperError} if the library finds no driver to talk to */
  constructor(library: DmLibrary, readonly operation: Operation, readonly device = "") {
    this.#library = library;
    this.#pointer = library.dm_task_create(TaskType[operation]);
    if (this.#pointer === null) {
      // Anything done with a NULL task would be a segmentation fault.
      throw new NoDeviceMapperError(operation, device, ENODEV, {
        reason: "the kernel's device mapper does not answer",
      });
    }
    this.#logNames = device === "" ? [] : [mangle(device)];
    const explained = operation === "reload" || operation === "resume" || operation === "message";
    this.#kernelLog = explained ? KernelLogMark.atEnd() : undefined;
    if (device === "") return;
    try {
      this.check(library.dm_task_set_name(this.pointer, toCString(mangle(device))), "set its name");
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  get pointer(): NonNullable<Deno.PointerValue> {
    if (this.#pointer === null) throw new Error("a device mapper task was used after its release");
    return this.#pointer;
  }

  /** Adds a name, e.g. `253:0`, under which the kernel log may speak of the device. */
  alsoKnownAs(name: string): void {
    this.#logNames.push(name);
  }

  /** Turns a setter's 0 into an error: out of memory, or a value that the library refuses. */
  check(result: number, what: string): void {
    if (result === 0) {
      const errno = this.#library.dm_task_get_errno(this.pointer) || EIO;
      throw new DeviceMapperError(this.operation, this.device, errno, {
        reason: `libdevmapper could not ${what}`,
      });
    }
  }

  set(flag: Flag): void {
    this.check(this.#library[flag](this.pointer), flag.replace("dm_task_", ""));
  }

  run(): void {
    this.#finish(this.#library.dm_task_run(this.pointer));
  }

  /** Runs on another thread: the event loop goes on. */
  async runInThread(): Promise<void> {
    this.#finish(await this.#library.dm_task_run_in_thread(this.pointer));
  }

  #finish(result: number): void {
    if (result !== 0) return;
    const errno = this.#library.dm_task_get_errno(this.pointer);
    const kernelLog = deviceMapperReasons(this.#kernelLog?.read() ?? [], this.#logNames);
    throw errno === 0
      ? new DeviceMapperError(this.operation, this.device, EIO, {
        reason: "libdevmapper refused it without an error number",
        kernelLog,
      })
      : new DeviceMapperError(this.operation, this.device, errno, { kernelLog });
  }

  /** Walks the targets of a table or status task. */
  *targets(): Generator<{ start: bigint; length: bigint; type: string; params: string }> {
    const start = new BigUint64Array(1);
    const length = new BigUint64Array(1);
    const type = new BigUint64Array(1);
    const params = new BigUint64Array(1);
    let next: Deno.PointerValue = null;
    do {
      next = this.#library.dm_get_next_target(this.pointer, next, start, length, type, params);
      const name = fromCString(Deno.UnsafePointer.create(type[0]!));
      // A device without a table has one "target" without a type.
      if (name === undefined) continue;
      const text = fromCString(Deno.UnsafePointer.create(params[0]!)) ?? "";
      yield { start: start[0]!, length: length[0]!, type: name, params: text.trim() };
    } while (next !== null);
  }

  /** Walks the list that a list task gives: struct dm_names { u64 dev; u32 next; char name[] }. */
  *names(): Generator<{ name: string; major: number; minor: number }> {
    let pointer = this.#library.dm_task_get_names(this.pointer);
    while (pointer !== null) {
      const view = new Deno.UnsafePointerView(pointer);
      const device = view.getBigUint64(0);
      if (device === 0n) return; // no devices at all
      const name = fromCString(Deno.UnsafePointer.offset(pointer, 12)) ?? "";
      yield { name: unmangle(name), ...splitDeviceNumber(device) };
      const next = view.getUint32(8);
      pointer = next === 0 ? null : Deno.UnsafePointer.offset(pointer, next);
    }
  }

  /** Walks struct dm_versions { u32 next; u32 version[3]; char name[] }. */
  *versions(): Generator<{ name: string; version: string }> {
    let pointer = this.#library.dm_task_get_versions(this.pointer);
    while (pointer !== null) {
      const view = new Deno.UnsafePointerView(pointer);
      const name = fromCString(Deno.UnsafePointer.offset(pointer, 16)) ?? "";
      yield { name, version: [4, 8, 12].map((offset) => view.getUint32(offset)).join(".") };
      const next = view.getUint32(0);
      pointer = next === 0 ? null : Deno.UnsafePointer.offset(pointer, next);
    }
  }

  /** Walks struct dm_deps { u32 count; u32 filler; u64 device[] }. */
  *deps(): Generator<{ major: number; minor: number }> {
    const pointer = this.#library.dm_task_get_deps(this.pointer);
    if (pointer === null) return;
    const view = new Deno.UnsafePointerView(pointer);
    const count = view.getUint32(0);
    for (let i = 0; i < count; i++) yield splitDeviceNumber(view.getBigUint64(8 + 8 * i));
  }

  [Symbol.dispose](): void {
    if (this.#pointer === null) return;
    this.#library.dm_task_destroy(this.#pointer);
    this.#pointer = null;
    this.#kernelLog?.[Symbol.dispose]();
  }
}
