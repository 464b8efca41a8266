// SPDX-License-Identifier: GPL-2.0-only
import { fromCString, toCString } from "./cstring.ts";
import { SystemError } from "./errors.ts";
import { FileDescriptor, lastErrno, O_RDONLY, prepareErrno } from "./libc.ts";
import { openLibrary } from "./shared_library.ts";

const SYMBOLS = {
  blkid_new_probe: { parameters: [], result: "pointer" },
  blkid_free_probe: { parameters: ["pointer"], result: "void" },
  blkid_probe_set_device: { parameters: ["pointer", "i32", "i64", "i64"], result: "i32" },
  blkid_probe_enable_superblocks: { parameters: ["pointer", "i32"], result: "i32" },
  blkid_probe_set_superblocks_flags: { parameters: ["pointer", "i32"], result: "i32" },
  blkid_probe_enable_partitions: { parameters: ["pointer", "i32"], result: "i32" },
  blkid_probe_set_partitions_flags: { parameters: ["pointer", "i32"], result: "i32" },
  blkid_do_safeprobe: { parameters: ["pointer"], result: "i32" },
  blkid_do_probe: { parameters: ["pointer"], result: "i32" },
  blkid_reset_probe: { parameters: ["pointer"], result: "void" },
  blkid_probe_lookup_value: {
    parameters: ["pointer", "buffer", "buffer", "pointer"],
    result: "i32",
  },
} as const satisfies Deno.ForeignLibraryInterface;

type Library = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** LABEL | UUID | TYPE | USAGE */
const SUPERBLOCK_FLAGS = (1 << 1) | (1 << 3) | (1 << 5) | (1 << 7);
const PARTITION_DETAILS = 1 << 2;
const FOUND = 0;
const NOTHING = 1;
const AMBIVALENT = -2;
const EIO = 5;
const ENOMEM = 12;
/** More signatures than that on one device are not worth naming. */
const MOST_NAMES = 8;

/** What libblkid recognised on a device. */
export interface Signature {
  /** `ext4`, `LVM2_member`, `gpt`...; several, joined by `, `, if {@linkcode ambivalent}. */
  readonly type: string;
  /** `filesystem`, `raid`, `crypto`, `other` or `partition table`. */
  readonly usage?: string;
  readonly label?: string;
  readonly uuid?: string;
  /** More than one signature was found: which of them is alive cannot be told. */
  readonly ambivalent: boolean;
}

let loaded: Library | undefined;

class Probe implements Disposable {
  readonly #library: Library;
  readonly #pointer: NonNullable<Deno.PointerValue>;

  constructor(library: Library, readonly path: string) {
    const pointer = library.blkid_new_probe();
    if (pointer === null) throw new SystemError("probe", path, ENOMEM);
    this.#library = library;
    this.#pointer = pointer;
  }

  /** A length of 0 means up to the end. */
  use(fd: number, offset: bigint, length: bigint): void {
    const library = this.#library;
    prepareErrno();
    if (library.blkid_probe_set_device(this.#pointer, fd, offset, length) !== 0) {
      throw new SystemError("probe", this.path, lastErrno() || EIO);
    }
    library.blkid_probe_enable_superblocks(this.#pointer, 1);
    library.blkid_probe_set_superblocks_flags(this.#pointer, SUPERBLOCK_FLAGS);
    library.blkid_probe_enable_partitions(this.#pointer, 1);
  }

  run(): Signature | undefined {
    prepareErrno();
    const result = this.#library.blkid_do_safeprobe(this.#pointer);
    if (result === NOTHING) return undefined;
    if (result === AMBIVALENT) return { type: this.#allTypes().join(", "), ambivalent: true };
    if (result !== FOUND) throw new SystemError("probe", this.path, lastErrno() || EIO);
    return this.#signature();
  }

  #signature(): Signature {
    const type = this.#value("TYPE");
    const table = this.#value("PTTYPE");
    const usage = type === undefined ? "partition table" : this.#value("USAGE");
    const label = this.#value("LABEL");
    const uuid = this.#value(type === undefined ? "PTUUID" : "UUID");
    return {
      type: type ?? table ?? "unknown",
      ...(usage === undefined ? {} : { usage }),
      ...(label === undefined ? {} : { label }),
      ...(uuid === undefined ? {} : { uuid }),
      ambivalent: false,
    };
  }

  /** What the table of the disk says of the partition that is being probed. */
  partitionUuid(): string | undefined {
    this.#library.blkid_probe_enable_superblocks(this.#pointer, 0);
    this.#library.blkid_probe_set_partitions_flags(this.#pointer, PARTITION_DETAILS);
    const result = this.#library.blkid_do_safeprobe(this.#pointer);
    // A partition that has no table in itself counts as one where nothing was found.
    return result === FOUND || result === NOTHING ? this.#value("PART_ENTRY_UUID") : undefined;
  }

  #allTypes(): string[] {
    const types: string[] = [];
    this.#library.blkid_reset_probe(this.#pointer);
    while (types.length < MOST_NAMES && this.#library.blkid_do_probe(this.#pointer) === FOUND) {
      types.push(this.#value("TYPE") ?? this.#value("PTTYPE") ?? "unknown");
    }
    return [...new Set(types)];
  }

  #value(key: string): string | undefined {
    const data = new BigUint64Array(1);
    const found = this.#library.blkid_probe_lookup_value(
      this.#pointer,
      toCString(key),
      new Uint8Array(data.buffer),
      null,
    );
    return found === 0 ? fromCString(Deno.UnsafePointer.create(data[0]!)) : undefined;
  }

  [Symbol.dispose](): void {
    this.#library.blkid_free_probe(this.#pointer);
  }
}

/**
 * Looks for a file system, RAID, LVM, crypto or partition table signature, on the whole device or as
 * if there were nothing but a part of it.
 * @throws {LibraryError} if libblkid cannot be loaded
 * @throws {SystemError} if the device cannot be opened or read
 */
export function probeSignature(
  path: string,
  range?: { readonly offset: bigint; readonly length: bigint },
): Signature | undefined {
  using file = FileDescriptor.open(path, O_RDONLY);
  using probe = new Probe(library(), path);
  probe.use(file.fd, range?.offset ?? 0n, range?.length ?? 0n);
  return probe.run();
}

/**
 * The UUID of a partition; of a DOS table, the disk's number and the partition's. `undefined` for
 * what is no partition.
 * @throws {LibraryError} if libblkid cannot be loaded
 * @throws {SystemError} if the device cannot be opened or read
 */
export function probePartitionUuid(path: string): string | undefined {
  const symbols = library();
  using file = FileDescriptor.open(path, O_RDONLY);
  using probe = new Probe(symbols, path);
  probe.use(file.fd, 0n, 0n);
  return probe.partitionUuid();
}

function library(): Library {
  return loaded ??= openLibrary(["libblkid.so.1", "libblkid.so"], "libblkid1", SYMBOLS);
}
