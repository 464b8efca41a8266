// SPDX-License-Identifier: GPL-2.0-only
import { DeviceImage } from "./device_image.ts";
import { SECTOR_SIZE } from "./format.ts";

/** A spare range: what is read from and written to. Offset 0 is the start of the range. */
export interface Image extends Disposable {
  readonly path: string;
  /** From the start of the range to the end of the file or device. */
  readonly sizeBytes: number;
  /**
   * All of it, in a buffer of its own.
   * @throws for what cannot be read, and past the end
   */
  read(offset: number, length: number): Uint8Array<ArrayBuffer>;
  write(offset: number, bytes: Uint8Array): void;
  /** What was written is durable afterwards. */
  sync(): void;
}

export interface ImageOptions {
  /** A block device is refused then if it is mounted or held. */
  readonly write?: boolean;
  /** With `write`: somebody has another part of the device in use, which is as it should be. */
  readonly shared?: boolean;
  /** Where the range starts in the file or on the device. */
  readonly startSectors?: number;
}

/**
 * A file or a block device.
 * @throws {Deno.errors.NotFound} and its like for files, SystemError for devices
 */
export function openImage(path: string, options: ImageOptions = {}): Image {
  const start = (options.startSectors ?? 0) * SECTOR_SIZE;
  const write = options.write === true;
  return Deno.statSync(path).isBlockDevice === true
    ? new DeviceImage(path, start, write, { shared: options.shared === true })
    : new FileImage(path, start, write);
}

/** Past the end of an image, or of what could be read of it. */
export class ShortImageError extends Error {
  override readonly name = "ShortImageError";

  constructor(readonly path: string, readonly offset: number) {
    super(`${path}: ends before byte ${offset}`);
  }
}

class FileImage implements Image {
  readonly sizeBytes: number;
  readonly #file: Deno.FsFile;

  constructor(readonly path: string, readonly start: number, write: boolean) {
    this.#file = Deno.openSync(path, { read: true, write });
    this.sizeBytes = Math.max(0, this.#file.statSync().size - start);
  }

  read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    this.#file.seekSync(this.start + offset, Deno.SeekMode.Start);
    for (let at = 0; at < length;) {
      const got = this.#file.readSync(bytes.subarray(at));
      if (got === null) throw new ShortImageError(this.path, offset + length);
      at += got;
    }
    return bytes;
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#file.seekSync(this.start + offset, Deno.SeekMode.Start);
    for (let at = 0; at < bytes.length;) at += this.#file.writeSync(bytes.subarray(at));
  }

  sync(): void {
    this.#file.syncDataSync();
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

/** In memory, for tests and for what is put together before it is written. */
export class MemoryImage implements Image {
  readonly path: string;
  readonly bytes: Uint8Array<ArrayBuffer>;

  constructor(content: number | Uint8Array<ArrayBuffer>, path = "memory") {
    this.bytes = typeof content === "number" ? new Uint8Array(content) : content;
    this.path = path;
  }

  get sizeBytes(): number {
    return this.bytes.length;
  }

  read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    this.#check(offset, length);
    return this.bytes.slice(offset, offset + length);
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#check(offset, bytes.length);
    this.bytes.set(bytes, offset);
  }

  #check(offset: number, length: number): void {
    if (offset + length > this.bytes.length) {
      throw new ShortImageError(this.path, offset + length);
    }
  }

  sync(): void {}

  [Symbol.dispose](): void {}
}
