// SPDX-License-Identifier: GPL-2.0-only
// Blocks that are on people's disks: both sides have to write them like this for ever.
import assert from "node:assert/strict";
import { viewOf } from "../../cli/metadata/block.ts";
import { EXTENT_STATES, unpackExtent } from "../../cli/metadata/extent.ts";
import { BLOCK_SIZE, ENTRY_SIZE, HEADER_SIZE } from "../../cli/metadata/format.ts";
import { layoutOf } from "../../cli/metadata/layout.ts";
import {
  decodeSuperblock,
  encodeSuperblock,
  type Superblock,
} from "../../cli/metadata/superblock.ts";
import { encodeBlock } from "./encode.ts";
import { type BlockNumbers, FormatLibrary, type Kind, type Numbers } from "./library.ts";
import blocks from "./vectors/blocks.json" with { type: "json" };
import layouts from "./vectors/layouts.json" with { type: "json" };

interface Vector {
  readonly name: string;
  readonly kind: string;
  readonly rows: Readonly<Record<string, string>>;
  readonly superblock?: Superblock;
  /** The kind of superblock, unless it is a sound one. */
  readonly of?: "unfinished" | "moved";
  readonly uuid?: string;
  readonly numbers?: BlockNumbers;
  readonly extents?: readonly Numbers[];
}

/** What is not in a row is zero. */
function bytesOf({ rows }: Vector): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(BLOCK_SIZE);
  for (const [at, hex] of Object.entries(rows)) block.set(Uint8Array.fromHex(hex), Number(at));
  return block;
}

for (const vector of blocks as unknown as Vector[]) {
  Deno.test(`vector: ${vector.name}`, () => {
    using c = new FormatLibrary();
    const bytes = bytesOf(vector);
    if (vector.superblock !== undefined) {
      assert.deepEqual(encodeSuperblock(vector.superblock), bytes);
      assert.deepEqual(c.writeSuperblock(vector.superblock), bytes);
      const decoded = decodeSuperblock(bytes);
      const expected = vector.of ?? "sound";
      assert(decoded.kind === expected && !("problem" in decoded && decoded.problem));
      assert("superblock" in decoded);
      assert.deepEqual(decoded.superblock, vector.superblock);
      assert.deepEqual(c.superblock(bytes), { kind: expected, problem: undefined });
      return;
    }
    const { kind, uuid = "", numbers, extents = [] } = vector;
    assert.deepEqual(encodeBlock(kind as Kind, uuid, numbers!, extents), bytes);
    assert.deepEqual(c.writeBlock(kind as Kind, uuid, numbers!, extents), bytes);
    for (const [index, extent] of extents.entries()) {
      const at = HEADER_SIZE + index * ENTRY_SIZE;
      const { first, length, slot, state } = unpackExtent(viewOf(bytes), at)!;
      assert.deepEqual([first, length, slot, EXTENT_STATES.indexOf(state)], extent);
      assert.deepEqual(c.unpack(bytes.slice(at, at + ENTRY_SIZE)), extent);
    }
  });
}

Deno.test("vector: layouts", () => {
  using c = new FormatLibrary();
  for (const { spareSectors, blockSectors, ...layout } of layouts) {
    const { pending: _, ...fromC } = c.layout(spareSectors, blockSectors);
    assert.deepEqual(layoutOf(spareSectors, blockSectors), layout);
    assert.deepEqual(fromC, layout);
  }
});
