// SPDX-License-Identifier: GPL-2.0-only
import {
  AioContext,
  type AioRequest,
  alignedBuffer,
  IOCB_CMD_FDSYNC,
  IOCB_CMD_PREAD,
  IOCB_CMD_PWRITE,
  isAligned,
  RWF_DSYNC,
  RWF_NOWAIT,
} from "./aio.ts";
import { SystemError } from "./errors.ts";
import {
  FileDescriptor,
  lastErrno,
  libc,
  O_DIRECT,
  O_DSYNC,
  O_EXCL,
  O_RDONLY,
  O_RDWR,
  prepareErrno,
} from "./libc.ts";

export interface DirectFileOptions {
  readonly write?: boolean;
  /** O_DIRECT, on unless switched off; offset and length are whole logical blocks then. */
  readonly direct?: boolean;
  /** O_DSYNC: every write is durable when it returns (FUA or a flush). */
  readonly dsync?: boolean;
  /** O_EXCL: refuse a block device that is mounted or held. */
  readonly exclusive?: boolean;
}

export interface ReadOptions {
  /** RWF_NOWAIT: fail with EAGAIN rather than wait. */
  readonly nowait?: boolean;
}

export interface WriteOptions extends ReadOptions {
  /** RWF_DSYNC: this one write durable. */
  readonly dsync?: boolean;
}

const BLKGETSIZE64 = 0x80081272n;
const BLKSSZGET = 0x1268n;
const BLKDISCARD = 0x1277n;
const BLKZEROOUT = 0x127fn;
const BLKFLSBUF = 0x1261n;
const SEEK_END = 2;
const ENOSPC = 28;
/** No device asks for more, and it is a page on most machines. */
const ALIGNMENT = 4096;

/**
 * A file or block device, read and written past the page cache, many requests at once.
 *
 * Reading, writing and flushing leave the event loop free. `discard`, `zeroout` and `dropCache` do
 * not: an ioctl's errno can be had on its own thread only. Do not call them on a suspended device
 * that this program itself is to resume. The same goes for all of it with `direct: false`, where
 * the kernel reads and writes while a request is handed over.
 */
export class DirectFile implements Disposable {
  readonly #file: FileDescriptor;
  readonly #isBlockDevice: boolean;
  /** Made for the first request: to give one back costs a wait for all CPUs. */
  #aio: AioContext | undefined;
  #closed = false;

  private constructor(file: FileDescriptor, isBlockDevice: boolean) {
    this.#file = file;
    this.#isBlockDevice = isBlockDevice;
  }

  /** @throws {SystemError} */
  static open(path: string, options: DirectFileOptions = {}): DirectFile {
    let flags = options.write === true ? O_RDWR : O_RDONLY;
    if (options.direct !== false) flags |= O_DIRECT;
    if (options.dsync === true) flags |= O_DSYNC;
    if (options.exclusive === true) flags |= O_EXCL;
    const file = FileDescriptor.open(path, flags);
    try {
      return new DirectFile(file, Deno.statSync(path).isBlockDevice === true);
    } catch (error) {
      file[Symbol.dispose]();
      throw error;
    }
  }

  get path(): string {
    return this.#file.path;
  }

  /** Bytes. */
  size(): bigint {
    if (this.#isBlockDevice) {
      const size = new BigUint64Array(1);
      this.#file.ioctl(BLKGETSIZE64, new Uint8Array(size.buffer), "read its size");
      return size[0]!;
    }
    prepareErrno();
    const size = libc().lseek(this.#file.fd, 0n, SEEK_END);
    if (size < 0n) throw new SystemError("read its size", this.path, lastErrno());
    return size;
  }

  /** Bytes in a logical block; 1 for a regular file. */
  logicalBlockSize(): number {
    if (!this.#isBlockDevice) return 1;
    const size = new Uint32Array(1);
    this.#file.ioctl(BLKSSZGET, new Uint8Array(size.buffer), "read its block size");
    return size[0]!;
  }

  /**
   * Shorter than `length` only at the end of the file.
   * @throws {SystemError}
   */
  async read(
    offset: bigint,
    length: number,
    options: ReadOptions = {},
  ): Promise<Uint8Array<ArrayBuffer>> {
    const buffer = alignedBuffer(length, ALIGNMENT);
    const flags = options.nowait === true ? RWF_NOWAIT : 0;
    const done = await this.#run("read", { command: IOCB_CMD_PREAD, buffer, offset, flags });
    return done === length ? buffer : buffer.subarray(0, done);
  }

  /**
   * The data may be used again when the promise settles, not before.
   * @throws {SystemError}
   */
  async write(offset: bigint, data: Uint8Array, options: WriteOptions = {}): Promise<void> {
    let buffer = isAligned(data, ALIGNMENT) ? data : copyAligned(data);
    const flags = (options.nowait === true ? RWF_NOWAIT : 0) |
      (options.dsync === true ? RWF_DSYNC : 0);
    let at = offset;
    while (buffer.length > 0) {
      const done = await this.#run("write", {
        command: IOCB_CMD_PWRITE,
        buffer,
        offset: at,
        flags,
      });
      if (done === 0) throw new SystemError("write", this.path, ENOSPC);
      buffer = buffer.subarray(done);
      at += BigInt(done);
    }
  }

  /** fdatasync: what was acknowledged is durable afterwards. */
  async flush(): Promise<void> {
    await this.#run("flush", { command: IOCB_CMD_FDSYNC });
  }

  /** BLKDISCARD. */
  discard(offset: bigint, length: bigint): Promise<void> {
    return Promise.try(() => this.#rangeIoctl(BLKDISCARD, "discard", offset, length));
  }

  /** BLKZEROOUT. */
  zeroout(offset: bigint, length: bigint): Promise<void> {
    return Promise.try(() => this.#rangeIoctl(BLKZEROOUT, "zeroout", offset, length));
  }

  /** BLKFLSBUF: write back and drop the page cache of this device. */
  dropCache(): void {
    this.#file.ioctl(BLKFLSBUF, new Uint8Array(8), "drop its cache");
  }

  #rangeIoctl(request: bigint, operation: string, offset: bigint, length: bigint): void {
    const range = new BigUint64Array([offset, length]);
    this.#file.ioctl(request, new Uint8Array(range.buffer), operation);
  }

  async #run(operation: string, request: Omit<AioRequest, "fd">): Promise<number> {
    if (this.#closed) throw new Error("a file was used after its release");
    this.#aio ??= new AioContext();
    const result = await this.#aio.submit({ fd: this.#file.fd, ...request });
    if (result < 0) throw new SystemError(operation, this.path, -result);
    return result;
  }

  /** Waits for the requests that are still under way. */
  [Symbol.dispose](): void {
    this.#closed = true;
    this.#aio?.[Symbol.dispose]();
    this.#file[Symbol.dispose]();
  }
}

function copyAligned(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const buffer = alignedBuffer(data.length, ALIGNMENT);
  buffer.set(data);
  return buffer;
}
