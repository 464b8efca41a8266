// SPDX-License-Identifier: GPL-2.0-only
// Variadic functions (open, ioctl, syscall) are declared with the arguments we pass: integers and
// pointers go the same way in either kind of call on x86-64, arm64 and riscv64 Linux.
import { SystemError } from "./errors.ts";
import { openLibrary } from "./shared_library.ts";

const SYMBOLS = {
  __errno_location: { parameters: [], result: "pointer" },
  strlen: { parameters: ["pointer"], result: "usize" },
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  fsync: { parameters: ["i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  poll: { parameters: ["buffer", "u64", "i32"], result: "i32", nonblocking: true },
  syscall: {
    parameters: ["i64", "usize", "usize", "usize", "usize", "usize"],
    result: "i64",
  },
  syscall_in_thread: {
    name: "syscall",
    parameters: ["i64", "usize", "usize", "usize", "usize", "usize"],
    result: "i64",
    nonblocking: true,
  },
  /** Its address only: a function that may be called with anything and does nothing. */
  getppid: { type: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

/** The functions of libc that this program uses. */
export type Libc = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

let loaded: Libc | undefined;
let errnoView: Deno.UnsafePointerView | undefined;

/** @throws {LibraryError} on a system without glibc */
export function libc(): Libc {
  loaded ??= openLibrary(["libc.so.6"], "libc6", SYMBOLS);
  return loaded;
}

/**
 * The errno of the last *synchronous* call on this thread. After a nonblocking call the number is in
 * another thread, where it cannot be had.
 */
export function lastErrno(): number {
  if (errnoView === undefined) {
    // The address holds for the thread, and each thread has its own instance of this module.
    const pointer = libc().__errno_location();
    if (pointer === null) throw new Error("libc gave no place for errno");
    errnoView = new Deno.UnsafePointerView(pointer);
  }
  return errnoView.getInt32();
}

/** Learns the place of errno beforehand, so that asking for it later calls nothing in between. */
export function prepareErrno(): void {
  lastErrno();
}

export const O_RDONLY = 0;
export const O_RDWR = 2;
export const O_EXCL = 0o200;
export const O_NONBLOCK = 0o4000;
export const O_DSYNC = 0o10000;
const O_CLOEXEC = 0o2000000;
/** arm64 numbers this one differently. */
export const O_DIRECT = Deno.build.arch === "aarch64" ? 0o200000 : 0o40000;

/** An open file, closed by `using`. */
export class FileDescriptor implements Disposable {
  #closed = false;

  private constructor(readonly fd: number, readonly path: string) {}

  /** @throws {SystemError} */
  static open(path: string, flags: number): FileDescriptor {
    const bytes = new TextEncoder().encode(`${path}\0`);
    prepareErrno();
    const fd = libc().open(bytes, flags | O_CLOEXEC, 0);
    if (fd < 0) throw new SystemError("open", path, lastErrno());
    return new FileDescriptor(fd, path);
  }

  /** A counter that `poll` can wait for. */
  static event(): FileDescriptor {
    prepareErrno();
    const fd = libc().eventfd(0, O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) throw new SystemError("eventfd", "eventfd", lastErrno());
    return new FileDescriptor(fd, "eventfd");
  }

  /** @throws {SystemError} */
  ioctl(request: bigint, argument: Uint8Array<ArrayBuffer>, operation: string): number {
    prepareErrno();
    const result = libc().ioctl(this.fd, request, argument);
    if (result < 0) throw new SystemError(operation, this.path, lastErrno());
    return result;
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    libc().close(this.fd);
  }
}
