// SPDX-License-Identifier: GPL-2.0-only
import { alignedBuffer } from "../../ffi/aio.ts";
import { SystemError } from "../../ffi/errors.ts";
import {
  FileDescriptor,
  lastErrno,
  libc,
  O_DIRECT,
  O_EXCL,
  O_RDONLY,
  O_RDWR,
} from "../../ffi/libc.ts";
import type { Image } from "./image.ts";

const SEEK_SET = 0;
const SEEK_END = 2;
const ALIGNMENT = 4096;
const EIO = 5;

/**
 * A block device, past the page cache: what the kernel's own users of the device write does not
 * show up in the cache, so that an earlier look would be answered from there for ever.
 */
export class DeviceImage implements Image {
  readonly sizeBytes: number;
  readonly #file: FileDescriptor;

  /**
   * `shared`: also where a dm device that stands still holds it.
   * @throws {SystemError}
   */
  constructor(
    readonly path: string,
    readonly start: number,
    write: boolean,
    { shared = false } = {},
  ) {
    const writing = shared ? O_RDWR : O_RDWR | O_EXCL;
    this.#file = FileDescriptor.open(path, O_DIRECT | (write ? writing : O_RDONLY));
    try {
      this.sizeBytes = Math.max(0, Number(this.#seek(0n, SEEK_END)) - start);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    const buffer = alignedBuffer(length, ALIGNMENT);
    this.#seek(BigInt(this.start + offset), SEEK_SET);
    for (let at = 0; at < length;) {
      const got = Number(libc().read(this.#file.fd, buffer.subarray(at), BigInt(length - at)));
      if (got <= 0) throw new SystemError("read", this.path, got < 0 ? lastErrno() : EIO);
      at += got;
    }
    return buffer;
  }

  write(offset: number, bytes: Uint8Array): void {
    const buffer = alignedBuffer(bytes.length, ALIGNMENT);
    buffer.set(bytes);
    this.#seek(BigInt(this.start + offset), SEEK_SET);
    for (let at = 0; at < buffer.length;) {
      const rest = buffer.subarray(at);
      const done = Number(libc().write(this.#file.fd, rest, BigInt(rest.length)));
      if (done <= 0) throw new SystemError("write", this.path, done < 0 ? lastErrno() : EIO);
      at += done;
    }
  }

  sync(): void {
    if (libc().fsync(this.#file.fd) < 0) throw new SystemError("sync", this.path, lastErrno());
  }

  #seek(offset: bigint, from: number): bigint {
    const at = libc().lseek(this.#file.fd, offset, from);
    if (at < 0n) throw new SystemError("seek in", this.path, lastErrno());
    return at;
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }
}
