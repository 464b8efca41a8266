// SPDX-License-Identifier: GPL-2.0-only
// Kernel AIO by its raw system calls. Each request brings its own result, a negative errno if it
// failed, which makes it the one way here to have many requests under way and know their errors: after
// a nonblocking FFI call errno is left behind in another thread.
import { SystemError } from "./errors.ts";
import { lastErrno, libc, prepareErrno } from "./libc.ts";

const CALLS = {
  x86_64: { setup: 206n, destroy: 207n, getevents: 208n, submit: 209n },
  aarch64: { setup: 0n, destroy: 1n, submit: 2n, getevents: 4n },
} as const;

/** Requests of one context that may be under way at once; more wait for their turn. */
const DEPTH = 128;
const IOCB_SIZE = 64;
const EVENT_SIZE = 32;
const EINTR = 4;
const EAGAIN = 11;
const EIO = 5;
/** io_getevents fails for no reason but a signal; where it goes on failing, something is broken. */
const MOST_FAILURES = 16;

export const IOCB_CMD_PREAD = 0;
export const IOCB_CMD_PWRITE = 1;
export const IOCB_CMD_FDSYNC = 3;
export const RWF_DSYNC = 0x2;
export const RWF_NOWAIT = 0x8;

/** One request. */
export interface AioRequest {
  readonly fd: number;
  readonly command: number;
  /** A buffer that the kernel reads from or writes to; kept alive until the request is done. */
  readonly buffer?: Uint8Array<ArrayBuffer>;
  readonly offset?: bigint;
  /** RWF_*. */
  readonly flags?: number;
}

interface Pending {
  readonly request: AioRequest;
  readonly resolve: (result: number) => void;
}

/** A queue of asynchronous requests to the kernel. */
export class AioContext implements Disposable {
  readonly #calls: (typeof CALLS)[keyof typeof CALLS];
  #context: bigint;
  #nextId = 1n;
  readonly #running = new Map<bigint, Pending>();
  readonly #waiting: Pending[] = [];
  #reaping = false;

  /** @throws {SystemError} EAGAIN where /proc/sys/fs/aio-max-nr is used up */
  constructor() {
    this.#calls = CALLS[Deno.build.arch];
    const context = new BigUint64Array(1);
    const address = addressOf(new Uint8Array(context.buffer));
    prepareErrno();
    const result = libc().syscall(this.#calls.setup, BigInt(DEPTH), address, 0n, 0n, 0n);
    if (result < 0n) throw new SystemError("io_setup", "kernel AIO", lastErrno());
    this.#context = context[0]!;
  }

  /** Resolves to the number of bytes, or a negative errno. */
  submit(request: AioRequest): Promise<number> {
    if (this.#context === 0n) throw new Error("a file was used after its release");
    const { promise, resolve } = Promise.withResolvers<number>();
    this.#waiting.push({ request, resolve });
    this.#start();
    return promise;
  }

  #start(): void {
    while (this.#running.size < DEPTH && this.#waiting.length > 0) {
      this.#startOne(this.#waiting.shift()!);
    }
    // What lies in memory or fails at once is done by now: no need for a thread to wait for it.
    this.#collect();
    if (this.#running.size > 0 && !this.#reaping) void this.#reap();
  }

  #startOne(pending: Pending): void {
    const { fd, command, buffer, offset, flags } = pending.request;
    const id = this.#nextId++;
    const iocb = new Uint8Array(IOCB_SIZE);
    const view = new DataView(iocb.buffer);
    view.setBigUint64(0, id, true);
    view.setUint32(12, flags ?? 0, true);
    view.setUint16(16, command, true);
    view.setUint32(20, fd, true);
    view.setBigUint64(24, buffer === undefined ? 0n : addressOf(buffer), true);
    view.setBigUint64(32, BigInt(buffer?.length ?? 0), true);
    view.setBigInt64(40, offset ?? 0n, true);
    const list = new BigUint64Array([addressOf(iocb)]);
    this.#running.set(id, pending);
    prepareErrno();
    const listAddress = addressOf(new Uint8Array(list.buffer));
    const result = libc().syscall(this.#calls.submit, this.#context, 1n, listAddress, 0n, 0n);
    if (result === 1n) return;
    this.#running.delete(id);
    pending.resolve(-(lastErrno() || EAGAIN));
  }

  /** Settles what is done by now. */
  #collect(): void {
    if (this.#running.size === 0) return;
    const events = new Uint8Array(EVENT_SIZE * this.#running.size);
    const now = new BigUint64Array(2);
    const most = BigInt(this.#running.size);
    const count = libc().syscall(
      this.#calls.getevents,
      this.#context,
      0n,
      most,
      addressOf(events),
      addressOf(new Uint8Array(now.buffer)),
    );
    this.#settle(events, Number(count));
  }

  #settle(events: Uint8Array<ArrayBuffer>, count: number): void {
    const view = new DataView(events.buffer);
    for (let i = 0; i < count; i++) {
      const id = view.getBigUint64(EVENT_SIZE * i, true);
      const result = Number(view.getBigInt64(EVENT_SIZE * i + 16, true));
      this.#running.get(id)?.resolve(result);
      this.#running.delete(id);
    }
  }

  /** Waits on another thread as long as anything is under way. */
  async #reap(): Promise<void> {
    this.#reaping = true;
    let failures = 0;
    while (this.#running.size > 0) {
      const events = new Uint8Array(EVENT_SIZE * DEPTH);
      const count = await libc().syscall_in_thread(
        this.#calls.getevents,
        this.#context,
        1n,
        BigInt(DEPTH),
        addressOf(events),
        0n,
      );
      if (this.#context === 0n) break;
      this.#settle(events, Number(count));
      failures = count < 0n ? failures + 1 : 0;
      if (failures > MOST_FAILURES) this.#failAll();
      while (this.#running.size < DEPTH && this.#waiting.length > 0) {
        this.#startOne(this.#waiting.shift()!);
      }
    }
    this.#reaping = false;
  }

  #failAll(): void {
    for (const { resolve } of [...this.#running.values(), ...this.#waiting]) resolve(-EIO);
    this.#running.clear();
    this.#waiting.length = 0;
  }

  /** Waits for what is under way: the kernel may write to its buffers until then. */
  [Symbol.dispose](): void {
    if (this.#context === 0n) return;
    const context = this.#context;
    this.#context = 0n;
    libc().syscall(this.#calls.destroy, context, 0n, 0n, 0n, 0n);
    for (const { resolve } of [...this.#running.values(), ...this.#waiting]) resolve(-EINTR);
    this.#running.clear();
    this.#waiting.length = 0;
  }
}

/** Where a buffer lies. Buffers of their own are never moved. */
function addressOf(bytes: Uint8Array<ArrayBuffer>): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
}

/** A buffer whose first byte lies at a multiple of `alignment`, as O_DIRECT wants it. */
export function alignedBuffer(length: number, alignment: number): Uint8Array<ArrayBuffer> {
  const room = new ArrayBuffer(length + alignment);
  const address = addressOf(new Uint8Array(room));
  const skip = Number((BigInt(alignment) - address % BigInt(alignment)) % BigInt(alignment));
  return new Uint8Array(room, skip, length);
}

/** Whether a buffer can go to the kernel as it is. */
export function isAligned(bytes: Uint8Array, alignment: number): bytes is Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer &&
    addressOf(bytes as Uint8Array<ArrayBuffer>) % BigInt(alignment) === 0n;
}
