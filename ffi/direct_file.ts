// SPDX-License-Identifier: GPL-2.0-only

export interface DirectFileOptions {
  readonly write?: boolean;
  /** O_DIRECT, on unless switched off. */
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

/** A file or block device, read and written past the page cache, many requests at once. */
export declare class DirectFile implements Disposable {
  private constructor();
  /** @throws {SystemError} */
  static open(path: string, options?: DirectFileOptions): DirectFile;
  readonly path: string;
  /** Bytes. */
  size(): bigint;
  /** Bytes in a logical block; 1 for a regular file. */
  logicalBlockSize(): number;
  /** Shorter than `length` only at the end of the file. */
  read(offset: bigint, length: number, options?: ReadOptions): Promise<Uint8Array<ArrayBuffer>>;
  write(offset: bigint, data: Uint8Array, options?: WriteOptions): Promise<void>;
  /** fdatasync. */
  flush(): Promise<void>;
  /** BLKDISCARD. */
  discard(offset: bigint, length: bigint): Promise<void>;
  /** BLKZEROOUT. */
  zeroout(offset: bigint, length: bigint): Promise<void>;
  /** BLKFLSBUF: write back and drop the page cache of this device. */
  dropCache(): void;
  [Symbol.dispose](): void;
}
