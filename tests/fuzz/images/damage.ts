// SPDX-License-Identifier: GPL-2.0-only
//
// What may befall metadata that was sound: no block of it is made up, but not all are where they
// belong.
import { BLOCK_SIZE } from "../../../cli/metadata/format.ts";
import type { Writer } from "./writer.ts";

export type Damage =
  | { readonly type: "zero" | "rot" | "foreign"; readonly block: number }
  | { readonly type: "swap" | "copy"; readonly block: number; readonly from: number }
  | { readonly type: "cut"; readonly bytes: number };

export function blockOf(bytes: Uint8Array, block: number): Uint8Array {
  return bytes.subarray(block * BLOCK_SIZE, (block + 1) * BLOCK_SIZE);
}

/** Of a copy. @param foreign the metadata of another device */
export function spoil(
  bytes: Uint8Array<ArrayBuffer>,
  damage: Damage,
  foreign: Uint8Array,
): Uint8Array<ArrayBuffer> {
  if (damage.type === "cut") return bytes.slice(0, damage.bytes);
  const spoilt = bytes.slice();
  const block = blockOf(spoilt, damage.block);
  switch (damage.type) {
    case "zero":
      block.fill(0);
      break;
    case "rot":
      block[damage.block * 7919 % BLOCK_SIZE]! ^= 1 << damage.block % 8;
      break;
    case "foreign":
      block.set(blockOf(foreign, damage.block));
      break;
    case "copy":
      block.set(blockOf(bytes, damage.from));
      break;
    case "swap":
      block.set(blockOf(bytes, damage.from));
      blockOf(spoilt, damage.from).set(blockOf(bytes, damage.block));
  }
  return spoilt;
}

/** Every block in every way, with every other one. */
export function* damages(writer: Writer): Generator<Damage> {
  const { blocks, bytes } = writer;
  for (let block = 0; block < blocks; block++) {
    for (const type of ["zero", "rot", "foreign"] as const) yield { type, block };
    for (let from = 0; from < blocks; from++) {
      if (from !== block) yield { type: "copy", block, from };
      if (from < block) yield { type: "swap", block, from };
    }
  }
  for (let block = 0; block < blocks; block++) {
    yield { type: "cut", bytes: block * BLOCK_SIZE };
    yield { type: "cut", bytes: block * BLOCK_SIZE + 512 };
  }
  yield { type: "cut", bytes: bytes.length - 512 };
}

/** The blocks that it puts something else into. */
function touched(damage: Damage): readonly number[] {
  if (damage.type === "cut") return [];
  return damage.type === "swap" ? [damage.block, damage.from] : [damage.block];
}

export type Outcome = "same" | "refused" | "earlier";

/**
 * What came of it.
 * @param table as it was loaded, undefined if that was refused
 * @throws if it is neither the table that was, nor one that a crash would have left
 */
export function judge(writer: Writer, damage: Damage, table: string | undefined): Outcome {
  if (table === undefined) return "refused";
  if (table === writer.past.at(-1)) return "same";
  const hit = touched(damage).map((block) => block - writer.layout.journalStart);
  // Every transaction from there on was hit: none of them is known to have been complete.
  for (let count = writer.past.length - 1; count > 0; count--) {
    const { first, count: length } = writer.transactions[count - 1]!;
    if (!hit.some((block) => block >= first && block < first + length)) break;
    if (table === writer.past[count - 1]) return "earlier";
  }
  throw new Error(`${JSON.stringify(damage)} made another table:\n${table}`);
}
