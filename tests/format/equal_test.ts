// SPDX-License-Identifier: GPL-2.0-only
// The kernel's header and the TypeScript codec say the same of everything.
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  blockChecksum,
  blockProblem,
  decodeHeader,
  sealBlock,
  viewOf,
} from "../../cli/metadata/block.ts";
import { crc32c } from "../../cli/metadata/crc32c.ts";
import { EntryChecker, OrderChecker } from "../../cli/metadata/entry.ts";
import { EXTENT_STATES, packExtent, unpackExtent } from "../../cli/metadata/extent.ts";
import { BLOCK_SIZE, ENTRY_SIZE } from "../../cli/metadata/format.ts";
import { layoutOf, pendingRoom } from "../../cli/metadata/layout.ts";
import { decodeSuperblock, encodeSuperblock, isMigrated } from "../../cli/metadata/superblock.ts";
import {
  anyExtent,
  anySuperblock,
  blockSectors,
  extentNear,
  features,
  mutate,
  mutations,
  sectors,
  soundSuperblock,
  uuid,
} from "./arbitraries.ts";
import { encodeBlock } from "./encode.ts";
import { type BlockNumbers, FormatLibrary, type Kind, type Numbers } from "./library.ts";

const RUNS = { numRuns: 2000 };

function same(name: string, compare: (c: FormatLibrary) => void): void {
  Deno.test(`C and TypeScript: ${name}`, () => {
    using c = new FormatLibrary();
    compare(c);
  });
}

same("checksums", (c) => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 4096 }), (bytes) => {
    const copy = Uint8Array.from(bytes);
    assert.equal(crc32c(copy), c.crc(copy));
    const block = new Uint8Array(BLOCK_SIZE);
    block.set(copy);
    assert.equal(blockChecksum(block), c.checksum(block));
  }));
});

same("layout of ranges of every size", (c) => {
  const compare = (spare: number, unit: number) => {
    const layout = layoutOf(spare, unit);
    const expected = { ...layout, pending: pendingRoom(layout, unit) };
    assert.deepEqual(expected, c.layout(spare, unit));
  };
  for (let spare = 0; spare < 3000; spare++) [1, 2, 4, 8].forEach((unit) => compare(spare, unit));
  fc.assert(fc.property(sectors, blockSectors, compare), RUNS);
});

same("entries, whatever the bytes", (c) => {
  const bytes = fc.uint8Array({ minLength: ENTRY_SIZE, maxLength: ENTRY_SIZE });
  fc.assert(
    fc.property(bytes, fc.nat(9), (entry, state) => {
      const copy = Uint8Array.from(entry);
      if (state < 9) [copy[14], copy[15]] = [state, 0];
      const [first, length, slot, number] = c.unpack(copy);
      const name = EXTENT_STATES[number];
      const mine = unpackExtent(viewOf(copy), 0);
      assert.deepEqual(mine, name && { first, length, slot, state: name });
      if (mine === undefined) return;
      const packed = new Uint8Array(ENTRY_SIZE);
      packExtent(viewOf(packed), 0, mine);
      assert.deepEqual(packed, copy);
    }),
    RUNS,
  );
});

same("what is wrong with an entry", (c) => {
  let wrong = 0;
  const cases = soundSuperblock.chain((bounds) =>
    fc.record({ bounds: fc.constant(bounds), extent: fc.oneof(extentNear(bounds), anyExtent) })
  );
  const kinds = fc.constantFrom<Kind>("checkpoint", "journal");
  fc.assert(
    fc.property(cases, kinds, ({ bounds, extent }, kind) => {
      const problem = new EntryChecker(bounds, kind).problem(...extent);
      assert.equal(problem, c.extentProblem(bounds, extent, kind));
      if (problem !== undefined) wrong++;
    }),
    { numRuns: 10_000 },
  );
  assert(wrong > 1000 && wrong < 9900, `${wrong} of 10000 are wrong: this tries one side only`);
});

same("the order of entries", (c) => {
  const small: fc.Arbitrary<Numbers> = fc.tuple(
    fc.nat(12),
    fc.integer({ min: 1, max: 4 }),
    fc.nat(12),
    fc.integer({ min: 1, max: 7 }),
  );
  const none: Numbers = [0, 0, 0, 0];
  fc.assert(
    fc.property(fc.option(small, { nil: none }), small, (previous, extent) => {
      const order = new OrderChecker();
      if (previous !== none) {
        order.problem(previous[0], previous[1], previous[2], previous[3] === 5);
      }
      const problem = order.problem(extent[0], extent[1], extent[2], extent[3] === 5);
      assert.equal(problem, c.orderProblem(previous, extent));
    }),
    RUNS,
  );
});

same("superblocks, written by either and read by the other", (c) => {
  fc.assert(
    fc.property(fc.oneof(anySuperblock, soundSuperblock), (superblock) => {
      const mine = encodeSuperblock(superblock);
      assert.deepEqual(mine, c.writeSuperblock(superblock));
      const decoded = decodeSuperblock(mine);
      assert(decoded.kind === "sound");
      assert.deepEqual(decoded.superblock, { ...superblock });
      assert.deepEqual({ kind: "sound", problem: decoded.problem }, c.superblock(mine));
    }),
    RUNS,
  );
});

same("kinds of superblocks", (c) => {
  const kinds = new Set<string>();
  fc.assert(
    fc.property(fc.oneof(anySuperblock, soundSuperblock), features, (any, incompat) => {
      const block = encodeSuperblock({ ...any, incompat });
      assert.deepEqual(block, c.writeSuperblock({ ...any, incompat }));
      const decoded = decodeSuperblock(block);
      assert.equal(decoded.kind, c.superblock(block).kind);
      if (isMigrated(decoded)) assert.deepEqual(decoded.superblock, { ...any, incompat });
      kinds.add(decoded.kind);
    }),
    { numRuns: 300 },
  );
  assert.deepEqual([...kinds].sort(), ["moved", "newer", "sound", "unfinished"]);
});

same("a superblock that makes sense passes", (c) => {
  fc.assert(fc.property(soundSuperblock, (superblock) => {
    assert.deepEqual(c.superblock(encodeSuperblock(superblock)), {
      kind: "sound",
      problem: undefined,
    });
  }));
});

same("verdicts on changed superblocks, sealed again or not", (c) => {
  const seen = new Set<string>();
  const small = fc.array(fc.tuple(fc.nat(223), fc.nat(255)), { maxLength: 3 });
  const changes = fc.oneof(mutations, small);
  fc.assert(
    fc.property(soundSuperblock, changes, fc.nat(9), (superblock, bytes, reseal) => {
      const block = encodeSuperblock(superblock);
      mutate(block, bytes);
      if (reseal > 0) sealBlock(block);
      const decoded = decodeSuperblock(block);
      const problem = decoded.kind === "sound" ? decoded.problem : undefined;
      assert.deepEqual({ kind: decoded.kind, problem }, c.superblock(block));
      seen.add(problem ?? decoded.kind);
    }),
    { numRuns: 6000 },
  );
  assert.deepEqual(
    [
      "damaged",
      "newer",
      "sound",
      "superblock: impossible checkpoint",
      "superblock: impossible device sizes",
      "superblock: impossible generation or sequence",
      "superblock: impossible logical block size",
      "superblock: the layout does not follow from the sizes",
    ].filter((verdict) => !seen.has(verdict)),
    [],
    "verdicts that never came up",
  );
});

same("a text that does not end, and a block of zeroes", (c) => {
  const block = new Uint8Array(BLOCK_SIZE);
  assert.equal(decodeSuperblock(block).kind, "zero");
  assert.equal(c.superblock(block).kind, "zero");
  fc.assert(
    fc.property(soundSuperblock, fc.constantFrom(256, 384, 512), (superblock, at) => {
      const sealed = encodeSuperblock(superblock);
      sealed.fill(0x61, at, at + (at === 512 ? 1024 : 128));
      sealBlock(sealed);
      const decoded = decodeSuperblock(sealed);
      assert.equal(decoded.kind === "sound" && decoded.problem, "superblock: a text does not end");
      assert.equal(c.superblock(sealed).problem, "superblock: a text does not end");
    }),
    { numRuns: 100 },
  );
});

const blockCase = fc.record({
  kind: fc.constantFrom<Kind>("checkpoint", "journal"),
  uuid,
  numbers: fc.record<BlockNumbers>({
    generation: fc.oneof(fc.nat(3), fc.nat(Number.MAX_SAFE_INTEGER)),
    sequence: fc.oneof(fc.nat(3), fc.nat(Number.MAX_SAFE_INTEGER)),
    flags: fc.constantFrom(0, 1),
    salt: fc.nat(0xffffffff),
  }),
  extents: fc.array(anyExtent.filter(([, , , state]) => state < 8), { maxLength: 252 }),
});

same("checkpoint and journal blocks, written by either and read by the other", (c) => {
  fc.assert(
    fc.property(blockCase, (each) => {
      const { kind, uuid, numbers, extents } = each;
      const mine = encodeBlock(kind, uuid, numbers, extents);
      assert.deepEqual(mine, c.writeBlock(kind, uuid, numbers, extents));
      const header = { version: 1, count: extents.length, uuid, ...numbers };
      assert.deepEqual(decodeHeader(mine), header);
      const lineage = { uuid, ...numbers };
      assert.equal(blockProblem(mine, kind, lineage, numbers.sequence), undefined);
      assert.equal(c.blockProblem(mine, kind, lineage, numbers.sequence), undefined);
    }),
    { numRuns: 500 },
  );
});

same("verdicts on changed checkpoint and journal blocks, sealed again or not", (c) => {
  const seen = new Set<string | undefined>();
  const header = fc.array(fc.tuple(fc.nat(63), fc.nat(255)), { maxLength: 2 });
  const changes = fc.oneof(mutations, header);
  fc.assert(
    fc.property(blockCase, changes, fc.nat(9), (each, bytes, reseal) => {
      const { uuid, numbers } = each;
      const block = encodeBlock(each.kind, each.uuid, each.numbers, each.extents);
      mutate(block, bytes);
      if (reseal > 0) sealBlock(block);
      for (const kind of ["checkpoint", "journal"] as const) {
        const lineage = { uuid, ...numbers };
        const problem = blockProblem(block, kind, lineage, numbers.sequence);
        assert.equal(problem, c.blockProblem(block, kind, lineage, numbers.sequence));
        seen.add(problem);
      }
    }),
    { numRuns: 6000 },
  );
  assert.deepEqual(
    [
      undefined,
      "damaged",
      "of another version",
      "of another device",
      "of another generation",
      "in the wrong place",
      "impossible number of entries",
      "unknown flags",
    ].filter((verdict) => !seen.has(verdict)),
    [],
    "verdicts that never came up",
  );
});
