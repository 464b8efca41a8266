// SPDX-License-Identifier: GPL-2.0-only
import { FileDescriptor, libc, O_NONBLOCK, O_RDONLY } from "./libc.ts";

const SEEK_END = 2;
const RECORD_SIZE = 8192;

/**
 * A place in the kernel's log, from which on it can be read. The device mapper puts its reasons
 * nowhere else: an ioctl gives no more than an errno.
 */
export class KernelLogMark implements Disposable {
  private constructor(private readonly file: FileDescriptor) {}

  /** Marks the end of the log; `undefined` where the log may not be read. */
  static atEnd(): KernelLogMark | undefined {
    try {
      const file = FileDescriptor.open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
      libc().lseek(file.fd, 0n, SEEK_END);
      return new KernelLogMark(file);
    } catch {
      return undefined;
    }
  }

  /** The lines that came since the mark. */
  read(): string[] {
    const lines: string[] = [];
    const buffer = new Uint8Array(RECORD_SIZE);
    const decoder = new TextDecoder();
    for (;;) {
      const length = Number(libc().read(this.file.fd, buffer, BigInt(RECORD_SIZE)));
      if (length <= 0) break; // EAGAIN: no more
      const line = textOfRecord(decoder.decode(buffer.subarray(0, length)));
      if (line !== undefined) lines.push(line);
    }
    return lines;
  }

  [Symbol.dispose](): void {
    this.file[Symbol.dispose]();
  }
}

/** A record of /dev/kmsg is `priority,sequence,time,flags;text`, then lines of properties. */
export function textOfRecord(record: string): string | undefined {
  return /^[^;\n]*;([^\n]*)/.exec(record)?.[1];
}

/** What device mapper core adds to every failed table load, and which says nothing. */
const NOISE = /^ioctl: error adding target to table$/;

/**
 * The device mapper's reasons among some lines of the log. Lines that name the device, by name or by
 * number, win over others, which another device may have caused at the same moment.
 */
export function deviceMapperReasons(lines: readonly string[], names: readonly string[]): string[] {
  const all = lines.filter((line) => line.startsWith("device-mapper: "))
    .map((line) => line.slice("device-mapper: ".length).trim())
    .filter((line) => !NOISE.test(line));
  const own = all.filter((line) => names.some((name) => line.includes(`${name}:`)));
  return [...new Set(own.length > 0 ? own : all)];
}
