// SPDX-License-Identifier: GPL-2.0-only
// The last number that is allowed and the first that is not, where random ones hardly ever come.
import assert from "node:assert/strict";
import { blockProblem, encodeHeader, sealBlock } from "../../cli/metadata/block.ts";
import { BLOCK_ENTRIES, BLOCK_SIZE, MAX_SECTORS } from "../../cli/metadata/format.ts";
import { layoutOf } from "../../cli/metadata/layout.ts";
import {
  decodeSuperblock,
  EMPTY_TABLE,
  encodeSuperblock,
  NO_FEATURES,
  NO_LINK,
  type Superblock,
} from "../../cli/metadata/superblock.ts";
import { FormatLibrary, type Kind } from "./library.ts";

const UUID = "00112233-4455-6677-8899-aabbccddeeff";
const LINEAGE = { uuid: UUID, generation: 7, salt: 11 };

Deno.test("limits: entries of a block", () => {
  using c = new FormatLibrary();
  for (const kind of ["checkpoint", "journal"] satisfies Kind[]) {
    for (const count of [0, 1, BLOCK_ENTRIES, BLOCK_ENTRIES + 1, BLOCK_ENTRIES + 2]) {
      const block = new Uint8Array(BLOCK_SIZE);
      encodeHeader(block, kind, { version: 1, count, sequence: 3, flags: 0, ...LINEAGE });
      sealBlock(block);
      const expected = count > BLOCK_ENTRIES ? "impossible number of entries" : undefined;
      assert.equal(c.blockProblem(block, kind, LINEAGE, 3), expected, `${count} in C`);
      assert.equal(blockProblem(block, kind, LINEAGE, 3), expected, `${count}`);
    }
  }
});

const SPARE_SECTORS = 4000;
const { checkpointBlocks } = layoutOf(SPARE_SECTORS, 1);

const SUPERBLOCK: Superblock = {
  uuid: UUID,
  sequence: 5,
  generation: 4,
  salt: 9,
  blockSectors: 1,
  mainStart: 0,
  mainSectors: 5000,
  mainDeviceSectors: 5000,
  spareStart: 0,
  spareSectors: SPARE_SECTORS,
  spareDeviceSectors: SPARE_SECTORS,
  ...EMPTY_TABLE,
  checkpointUsed: 1,
  created: 1,
  written: 1,
  name: "",
  mainId: "",
  args: "",
  ...NO_FEATURES,
  ...NO_LINK,
};

const CHECKPOINT = "superblock: impossible checkpoint";
const COUNTER = "superblock: impossible generation or sequence";
const SIZES = "superblock: impossible device sizes";

/** What is changed of the one above, and what must be said of that. */
const SUPERBLOCKS: readonly (readonly [Partial<Superblock>, problem?: string])[] = [
  [{}],
  [{ checkpointUsed: checkpointBlocks }],
  [{ checkpointUsed: checkpointBlocks + 1 }, CHECKPOINT],
  [{ entries: BLOCK_ENTRIES }],
  [{ entries: BLOCK_ENTRIES + 1 }, CHECKPOINT],
  [{ checkpointUsed: 0 }, CHECKPOINT],
  [{ checkpointUsed: 0, generation: 1 }],
  [{ generation: 1 }, CHECKPOINT],
  [{ generation: 0 }, COUNTER],
  [{ generation: MAX_SECTORS - 1 }],
  [{ generation: MAX_SECTORS }, COUNTER],
  [{ sequence: 0 }, COUNTER],
  [{ sequence: MAX_SECTORS - 1 }],
  [{ sequence: MAX_SECTORS }, COUNTER],
  [{ mainSectors: 0 }, SIZES],
  [{ mainSectors: MAX_SECTORS }],
  [{ mainSectors: MAX_SECTORS + 1 }, SIZES],
];

Deno.test("limits: numbers of a superblock", () => {
  using c = new FormatLibrary();
  for (const [changes, problem] of SUPERBLOCKS) {
    const what = JSON.stringify(changes);
    const block = encodeSuperblock({ ...SUPERBLOCK, ...changes });
    const decoded = decodeSuperblock(block);
    assert.equal(decoded.kind === "sound" ? decoded.problem : decoded.kind, problem, what);
    assert.deepEqual(c.superblock(block), { kind: "sound", problem }, `${what} in C`);
  }
});
