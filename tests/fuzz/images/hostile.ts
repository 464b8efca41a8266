// SPDX-License-Identifier: GPL-2.0-only
//
// Metadata that somebody forged: numbers that nobody writes, with the right checksum.
import * as fc from "fast-check";
import {
  encodeHeader,
  isZero,
  kindOf,
  sealBlock,
  setU64,
  viewOf,
} from "../../../cli/metadata/block.ts";
import { packExtent } from "../../../cli/metadata/extent.ts";
import {
  BLOCK_ENTRIES,
  ENTRY_SIZE,
  FLAG_LAST,
  FORMAT_VERSION,
  HEADER_SIZE,
} from "../../../cli/metadata/format.ts";
import { layoutOf } from "../../../cli/metadata/layout.ts";
import { blockOf } from "./damage.ts";
import type { Writer } from "./writer.ts";

/** Where in a block, and how many bytes. */
type Field = readonly [offset: number, size: number];

const HEADER: readonly Field[] = [[0, 1], [8, 4], [16, 8], [24, 1], [40, 8], [48, 8], [56, 4], [
  60,
  4,
]];
const SUPERBLOCK: readonly Field[] = [
  ...[64, 68, 72, 76, 160].map((offset): Field => [offset, 4]),
  ...[80, 88, 96, 104, 112, 120, 128, 136, 144, 152].map((offset): Field => [offset, 8]),
  ...[168, 176, 184, 192, 200, 208, 216].map((offset): Field => [offset, 8]),
  [256 + 127, 1],
  [384 + 127, 1],
  [512 + 1023, 1],
];
const ENTRY: readonly Field[] = [[0, 6], [6, 2], [8, 6], [14, 1], [15, 1]];

const BOUNDARIES: readonly bigint[] = [
  ...[0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n, 251n, 252n, 253n, 254n, 255n, 256n, 32768n],
  ...[16, 31, 32, 47, 48, 53, 63, 64].flatMap((
    bits,
  ) => [(1n << BigInt(bits)) - 1n, 1n << BigInt(bits)]),
];

type Value =
  | { readonly type: "boundary"; readonly value: bigint }
  | { readonly type: "near"; readonly delta: bigint }
  /** One of the numbers of this very device. */
  | { readonly type: "own"; readonly which: number; readonly delta: bigint };

/** All numbers are taken modulo what there is. */
export type Forgery =
  | {
    readonly type: "field";
    readonly block: number;
    readonly of: "header" | "superblock" | "entry";
    readonly field: number;
    readonly entry: number;
    readonly value: Value;
  }
  /** The entry is there twice, or another one's slot is. */
  | { readonly type: "twice"; readonly block: number; readonly entry: number; readonly of: number }
  /** A spare of another size, and all that follows from it. */
  | { readonly type: "size"; readonly copy: number; readonly spareSectors: number }
  /** The ring is full of sectors that could not be read. */
  | { readonly type: "flood"; readonly step: number; readonly first: number };

const delta = fc.constantFrom(-8n, -2n, -1n, 0n, 1n, 2n, 8n);
const value: fc.Arbitrary<Value> = fc.oneof(
  fc.record({ type: fc.constant("boundary" as const), value: fc.constantFrom(...BOUNDARIES) }),
  fc.record({ type: fc.constant("near" as const), delta }),
  fc.record({ type: fc.constant("own" as const), which: fc.nat(5), delta }),
);

export const forgery: fc.Arbitrary<Forgery> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      type: fc.constant("field" as const),
      block: fc.nat(63),
      of: fc.constantFrom("header", "superblock", "entry", "entry"),
      field: fc.nat(63),
      entry: fc.nat(15),
      value,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("twice" as const),
      block: fc.nat(63),
      entry: fc.nat(15),
      of: fc.nat(15),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("size" as const),
      copy: fc.nat(1),
      spareSectors: fc.constantFrom(8, 100, 128, 400, 2 ** 21, 2 ** 40, 2 ** 48),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("flood" as const),
      step: fc.integer({ min: 1, max: 3 }),
      first: fc.nat(9),
    }),
  },
);

function get(view: DataView, offset: number, size: number): bigint {
  let number = 0n;
  for (let at = size - 1; at >= 0; at--) number = number << 8n | BigInt(view.getUint8(offset + at));
  return number;
}

function set(view: DataView, offset: number, size: number, number: bigint): void {
  const whole = BigInt.asUintN(8 * size, number);
  for (let at = 0; at < size; at++) {
    view.setUint8(offset + at, Number(whole >> BigInt(8 * at) & 255n));
  }
}

function numberOf({ geometry, layout }: Writer, now: bigint, value: Value): bigint {
  if (value.type === "boundary") return value.value;
  if (value.type === "near") return now + value.delta;
  const own = [
    geometry.mainSectors,
    geometry.spareSectors,
    layout.slotsStart,
    layout.slots,
    layout.checkpointBlocks,
    layout.journalBlocks,
  ];
  return BigInt(own[value.which % own.length]!) + value.delta;
}

/** The blocks that hold something; of the kind that is meant, if there are any. */
function pick(writer: Writer, bytes: Uint8Array, index: number, superblock: boolean): Uint8Array {
  const blocks = Array.from({ length: writer.blocks }, (_, block) => blockOf(bytes, block))
    .filter((block) => !isZero(block));
  const meant = blocks.filter((block) => (kindOf(block) === "superblock") === superblock);
  const among = meant.length === 0 ? blocks : meant;
  return among[index % among.length]!;
}

function flood(writer: Writer, bytes: Uint8Array, { step, first }: Forgery & { type: "flood" }) {
  const { journalStart, journalBlocks } = writer.layout;
  const { blockSectors, mainSectors, uuid } = writer.geometry;
  const units = mainSectors / blockSectors;
  for (let index = 0; index < journalBlocks; index++) {
    const block = blockOf(bytes, journalStart + index);
    block.fill(0);
    const { generation, salt } = writer;
    const flags = index === journalBlocks - 1 ? FLAG_LAST : 0;
    encodeHeader(block, "journal", {
      version: FORMAT_VERSION,
      count: BLOCK_ENTRIES,
      uuid,
      generation,
      salt,
      sequence: index,
      flags,
    });
    for (let entry = 0; entry < BLOCK_ENTRIES; entry++) {
      const unit = (first + (index * BLOCK_ENTRIES + entry) * step) % units;
      packExtent(viewOf(block), HEADER_SIZE + entry * ENTRY_SIZE, {
        first: unit * blockSectors,
        length: blockSectors,
        slot: 0,
        state: "pending",
      });
    }
    sealBlock(block);
  }
}

function resize(
  { geometry }: Writer,
  block: Uint8Array,
  { spareSectors }: Forgery & { type: "size" },
): void {
  const layout = layoutOf(spareSectors, geometry.blockSectors);
  const { checkpointBlocks, journalBlocks, slotsStart, slots } = layout;
  if (kindOf(block) !== "superblock") return;
  for (const [index, number] of [checkpointBlocks, journalBlocks, slotsStart, slots].entries()) {
    setU64(viewOf(block), 128 + 8 * index, number);
  }
  setU64(viewOf(block), 112, spareSectors);
  sealBlock(block);
}

/** A copy with all that done to it, sealed. */
export function forge(writer: Writer, forgeries: readonly Forgery[]): Uint8Array<ArrayBuffer> {
  const bytes = writer.bytes.slice();
  for (const forgery of forgeries) forgeOne(writer, bytes, forgery);
  return bytes;
}

function forgeOne(writer: Writer, bytes: Uint8Array<ArrayBuffer>, forgery: Forgery): void {
  if (forgery.type === "flood") return flood(writer, bytes, forgery);
  if (forgery.type === "size") return resize(writer, blockOf(bytes, forgery.copy), forgery);
  const inSuperblock = forgery.type === "field" && forgery.of === "superblock";
  const block = pick(writer, bytes, forgery.block, inSuperblock);
  const view = viewOf(block);
  const count = Number(get(view, 16, 8)) || 1;
  const at = HEADER_SIZE + forgery.entry % Math.min(count, BLOCK_ENTRIES) * ENTRY_SIZE;
  if (forgery.type === "twice") {
    const from = HEADER_SIZE + forgery.of % Math.min(count, BLOCK_ENTRIES) * ENTRY_SIZE;
    // The other one's place only, or all of it, behind what there is.
    if (forgery.of % 2 === 0) set(view, at + 8, 6, get(view, from + 8, 6));
    else if (count < BLOCK_ENTRIES) {
      block.copyWithin(HEADER_SIZE + count * ENTRY_SIZE, from, from + ENTRY_SIZE);
      set(view, 16, 8, BigInt(count + 1));
    }
  } else {
    const fields = { header: HEADER, superblock: SUPERBLOCK, entry: ENTRY }[forgery.of];
    const [offset, size] = fields[forgery.field % fields.length]!;
    const place = forgery.of === "entry" ? at + offset : offset;
    set(view, place, size, numberOf(writer, get(view, place, size), forgery.value));
  }
  sealBlock(block);
}
