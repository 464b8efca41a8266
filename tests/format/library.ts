// SPDX-License-Identifier: GPL-2.0-only
// kmod/dm-remap-format.h, compiled in user space: the other side of every comparison here.
import { join } from "node:path";
import { uuidBytes } from "../../cli/metadata/block.ts";
import { ARGS_SIZE, BLOCK_SIZE, ID_SIZE, NAME_SIZE, UUID_SIZE } from "../../cli/metadata/format.ts";
import type { Layout } from "../../cli/metadata/layout.ts";
import type { Superblock } from "../../cli/metadata/superblock.ts";

const SYMBOLS = {
  format_field: { parameters: ["u32", "buffer"], result: "pointer" },
  format_crc: { parameters: ["buffer", "usize"], result: "u32" },
  format_checksum: { parameters: ["buffer"], result: "u32" },
  format_layout: { parameters: ["u64", "u32", "buffer"], result: "void" },
  format_super_kind: { parameters: ["buffer"], result: "u32" },
  format_super_check: { parameters: ["buffer"], result: "pointer" },
  format_block_check: {
    parameters: ["buffer", "i32", "buffer", "u64", "u32", "u64"],
    result: "pointer",
  },
  format_extent_check: { parameters: ["u32", "u64", "u64", "buffer", "i32"], result: "pointer" },
  format_extent_follows: { parameters: ["buffer", "buffer"], result: "pointer" },
  format_unpack: { parameters: ["buffer", "buffer"], result: "void" },
  format_write_block: {
    parameters: ["buffer", "i32", "buffer", "buffer", "buffer", "u32"],
    result: "void",
  },
  format_write_super: {
    parameters: ["buffer", "buffer", "buffer", "buffer", "buffer", "buffer", "buffer"],
    result: "void",
  },
} as const satisfies Deno.ForeignLibraryInterface;

type Bytes = Uint8Array<ArrayBuffer>;
export type Kind = "checkpoint" | "journal";

/** An extent as numbers, so that states without a name can be asked about: first, length, slot, state. */
export type Numbers = readonly [number, number, number, number];

export interface Field {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
}

/** Generation, sequence, flags and salt of a block. */
export interface BlockNumbers {
  readonly generation: number;
  readonly sequence: number;
  readonly flags: number;
  readonly salt: number;
}

/** The functions of the header, with the types of the codec. */
export class FormatLibrary implements Disposable {
  readonly #library: Deno.DynamicLibrary<typeof SYMBOLS>;

  /** Compiles it, which takes gcc. */
  constructor() {
    const folder = Deno.makeTempDirSync({ prefix: "dmremap-format-" });
    try {
      const output = join(folder, "format.so");
      compile(output);
      this.#library = Deno.dlopen(output, SYMBOLS);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  }

  get #c() {
    return this.#library.symbols;
  }

  fields(): Field[] {
    const found: Field[] = [];
    const numbers = new Uint32Array(2);
    for (;;) {
      const name = textOf(this.#c.format_field(found.length, bytesOf(numbers)));
      if (name === undefined) return found;
      found.push({ name, offset: numbers[0]!, size: numbers[1]! });
    }
  }

  crc(bytes: Bytes): number {
    return this.#c.format_crc(bytes, BigInt(bytes.length));
  }

  checksum(block: Bytes): number {
    return this.#c.format_checksum(block);
  }

  layout(spareSectors: number, blockSectors: number): Layout & { readonly pending: number } {
    const out = new BigUint64Array(8);
    this.#c.format_layout(BigInt(spareSectors), blockSectors, bytesOf(out));
    const [
      first,
      second,
      checkpointBlocks,
      journalStart,
      journalBlocks,
      slotsStart,
      slots,
      pending,
    ] = [...out].map(Number) as [number, number, number, number, number, number, number, number];
    return {
      checkpointStart: [first, second],
      checkpointBlocks,
      journalStart,
      journalBlocks,
      slotsStart,
      slots,
      pending,
    };
  }

  /** Kind of a superblock, and what is wrong with a sound one. */
  superblock(block: Bytes): { readonly kind: string; readonly problem: string | undefined } {
    const kind = SUPERBLOCK_KINDS[this.#c.format_super_kind(block)]!;
    const problem = kind === "sound" ? textOf(this.#c.format_super_check(block)) : undefined;
    return { kind, problem };
  }

  blockProblem(
    block: Bytes,
    kind: Kind,
    { uuid, generation, salt }: { uuid: string; generation: number; salt: number },
    sequence: number,
  ): string | undefined {
    return textOf(this.#c.format_block_check(
      block,
      kind === "journal" ? 1 : 0,
      uuidBytes(uuid),
      BigInt(generation),
      salt,
      BigInt(sequence),
    ));
  }

  extentProblem(
    bounds: { blockSectors: number; mainSectors: number; spareSectors: number },
    extent: Numbers,
    kind: Kind,
  ): string | undefined {
    return textOf(this.#c.format_extent_check(
      bounds.blockSectors,
      BigInt(bounds.mainSectors),
      BigInt(bounds.spareSectors),
      longs(extent),
      kind === "journal" ? 1 : 0,
    ));
  }

  orderProblem(previous: Numbers, extent: Numbers): string | undefined {
    return textOf(this.#c.format_extent_follows(longs(previous), longs(extent)));
  }

  unpack(entry: Bytes): Numbers {
    const out = new BigUint64Array(4);
    this.#c.format_unpack(entry, bytesOf(out));
    return [...out].map(Number) as unknown as Numbers;
  }

  writeBlock(kind: Kind, uuid: string, numbers: BlockNumbers, extents: readonly Numbers[]): Bytes {
    const block = new Uint8Array(BLOCK_SIZE);
    const { generation, sequence, flags, salt } = numbers;
    this.#c.format_write_block(
      block,
      kind === "journal" ? 1 : 0,
      uuidBytes(uuid),
      longs([generation, sequence, flags, salt]),
      longs(extents.length === 0 ? [0] : extents.flat()),
      extents.length,
    );
    return block;
  }

  writeSuperblock(superblock: Superblock): Bytes {
    const block = new Uint8Array(BLOCK_SIZE);
    this.#c.format_write_super(
      block,
      uuidBytes(superblock.uuid),
      longs(SUPERBLOCK_NUMBERS.map((key) => superblock[key])),
      superblock.linkedUuid === "" ? new Uint8Array(UUID_SIZE) : uuidBytes(superblock.linkedUuid),
      textField(superblock.name, NAME_SIZE),
      textField(superblock.mainId, ID_SIZE),
      textField(superblock.args, ARGS_SIZE),
    );
    return block;
  }

  [Symbol.dispose](): void {
    this.#library.close();
  }
}

/** In the order of `enum remap_super_kind`. */
const SUPERBLOCK_KINDS = ["zero", "damaged", "newer", "sound", "unfinished", "moved"] as const;

/** In the order of the structure. */
const SUPERBLOCK_NUMBERS = [
  "remapped",
  "generation",
  "sequence",
  "salt",
  "incompat",
  "roCompat",
  "compat",
  "blockSectors",
  "mainStart",
  "mainSectors",
  "mainDeviceSectors",
  "spareStart",
  "spareSectors",
  "spareDeviceSectors",
  "checkpoint",
  "checkpointUsed",
  "entries",
  "lost",
  "pending",
  "bad",
  "created",
  "written",
  "linkedGeneration",
] as const satisfies (keyof Superblock)[];

function compile(output: string): void {
  const here = import.meta.dirname!;
  const { success, stderr } = new Deno.Command("gcc", {
    args: [
      "-std=gnu11",
      "-O2",
      "-Wall",
      "-Wextra",
      "-Werror",
      "-shared",
      "-fPIC",
      `-I${join(here, "..", "..", "kmod")}`,
      "-o",
      output,
      join(here, "library.c"),
    ],
  }).outputSync();
  if (!success) throw new Error(`gcc failed:\n${new TextDecoder().decode(stderr)}`);
}

function textOf(pointer: Deno.PointerValue): string | undefined {
  return pointer === null ? undefined : Deno.UnsafePointerView.getCString(pointer);
}

function bytesOf(numbers: Uint32Array<ArrayBuffer> | BigUint64Array<ArrayBuffer>): Bytes {
  return new Uint8Array(numbers.buffer);
}

function longs(numbers: readonly number[]): Bytes {
  return bytesOf(BigUint64Array.from(numbers, BigInt));
}

function textField(text: string, size: number): Bytes {
  const field = new Uint8Array(size);
  field.set(new TextEncoder().encode(text));
  return field;
}
