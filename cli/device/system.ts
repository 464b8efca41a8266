// SPDX-License-Identifier: GPL-2.0-only
import { SystemError } from "../../ffi/errors.ts";
import { probePartitionUuid, probeSignature, type Signature } from "../../ffi/libblkid.ts";
import { FileDescriptor, O_EXCL, O_RDONLY } from "../../ffi/libc.ts";

/** What a path leads to. */
export interface NodeStat {
  readonly kind: "block" | "character" | "directory" | "file" | "other";
  /** Of a device. */
  readonly major: number;
  readonly minor: number;
}

/** A part of a device, in bytes. */
export interface ByteRange {
  readonly offset: bigint;
  readonly length: bigint;
}

/** The machine, as far as the checks before a creation look at it. Tests bring one of their own. */
export interface System {
  /** `undefined` if there is nothing. @throws {SystemError} e.g. EACCES */
  stat(path: string): NodeStat | undefined;
  /** A file of /proc or /sys without its last newline; `undefined` if it cannot be read. */
  read(path: string): string | undefined;
  /** The names in a directory, in order; none if it cannot be read. */
  list(path: string): string[];
  /** Where symbolic links lead; `undefined` if nowhere. */
  realPath(path: string): string | undefined;
  /** Asks the kernel for the device exclusively, for a moment: its errno, or 0. */
  claim(path: string): number;
  /** @throws {SystemError | LibraryError} */
  probe(path: string, range?: ByteRange): Signature | undefined;
  /** What the partition table calls a partition; `undefined` if that cannot be told. */
  partitionUuid(path: string): string | undefined;
}

function kindOf(info: Deno.FileInfo): NodeStat["kind"] {
  if (info.isBlockDevice === true) return "block";
  if (info.isCharDevice === true) return "character";
  if (info.isDirectory) return "directory";
  return info.isFile ? "file" : "other";
}

function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

const EACCES = 13;
const EIO = 5;

/** This machine. */
export const thisSystem: System = {
  stat(path) {
    try {
      const info = Deno.statSync(path);
      return { kind: kindOf(info), ...splitDevT(BigInt(info.rdev ?? 0)) };
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      if (error instanceof Deno.errors.NotADirectory) return undefined;
      const denied = error instanceof Deno.errors.PermissionDenied;
      throw new SystemError("stat", path, denied ? EACCES : EIO, { cause: error });
    }
  },
  read: (path) => orUndefined(() => Deno.readTextFileSync(path).replace(/\n$/, "")),
  list: (path) =>
    (orUndefined(() => Array.from(Deno.readDirSync(path), ({ name }) => name)) ?? []).sort(),
  realPath: (path) => orUndefined(() => Deno.realPathSync(path)),
  claim(path) {
    try {
      FileDescriptor.open(path, O_RDONLY | O_EXCL)[Symbol.dispose]();
      return 0;
    } catch (error) {
      if (error instanceof SystemError) return error.errno;
      throw error;
    }
  },
  probe: probeSignature,
  partitionUuid: (path) => orUndefined(() => probePartitionUuid(path)),
};

/** glibc's dev_t, which keeps high bits of major and minor apart. */
export function splitDevT(device: bigint): { major: number; minor: number } {
  return {
    major: Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n)),
    minor: Number((device & 0xffn) | ((device >> 12n) & 0xffffff00n)),
  };
}
