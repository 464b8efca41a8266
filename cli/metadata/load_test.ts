// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { checkMetadata } from "./check.ts";
import type { Extent, ExtentState } from "./extent.ts";
import { FakeKernel, GEOMETRY, UUID } from "./fake_kernel.ts";
import { MemoryImage } from "./image.ts";
import { loadMetadata, MetadataError } from "./load.ts";
import { encodeSuperblock } from "./superblock.ts";
import { formatUnfinished, writeMetadata } from "./write.ts";

const kernel = () => new FakeKernel();
const table = (k: FakeKernel) => [...loadMetadata(k.image).extents()];

/** Sectors of main from `first` on, in the slot of that number. */
function extent(
  k: FakeKernel,
  first: number,
  index: number,
  length = 1,
  state: ExtentState = "remapped",
): Extent {
  return { first, length, slot: k.slot(index), state };
}
const pending = (first: number, length = 1): Extent => ({
  first,
  length,
  slot: 0,
  state: "pending",
});
const main = (first: number, length = 1): Extent => ({ first, length, slot: 0, state: "main" });
const bad = (k: FakeKernel, index: number, length = 1): Extent => ({
  ...extent(k, 0, index, length),
  state: "bad",
});

function refuses(k: FakeKernel, message: RegExp): void {
  const { problems } = checkMetadata(k.image);
  assert.match(problems.map((each) => `${each.where}: ${each.message}`).join("\n"), message);
  assert(problems.every(({ cure }) => cure.length > 0));
  assert.throws(() => loadMetadata(k.image), MetadataError);
}

Deno.test("a formatted range has an empty table", () => {
  const k = kernel();
  const metadata = loadMetadata(k.image);
  assert.deepEqual([...metadata.extents()], []);
  assert.equal(metadata.generation, 1);
  assert.equal(metadata.superblockCopy, "A");
  assert.deepEqual(metadata.notes, []);
});

Deno.test("a range of zeroes is not loaded, and check says what would happen to it", () => {
  const k = kernel();
  k.wipe(0);
  refuses(k, /block 0 .*all zeroes/);
  k.commit([pending(1)]);
  refuses(k, /both superblocks are zeroes, but this block is not/);
});

Deno.test("checkpoint and journal make the table", () => {
  const k = kernel();
  k.checkpoint([extent(k, 10, 0, 10), extent(k, 30, 20), pending(50, 5), bad(k, 40, 2)]);
  k.commit([main(12, 2), extent(k, 15, 30, 1, "lost")]);
  k.commit([extent(k, 5, 2, 1), pending(53, 4), bad(k, 21)]);
  assert.deepEqual(table(k), [
    extent(k, 5, 2),
    extent(k, 10, 0, 2),
    extent(k, 14, 4),
    extent(k, 15, 30, 1, "lost"),
    extent(k, 16, 6, 4),
    extent(k, 30, 20),
    pending(50, 3),
    pending(53, 4),
    bad(k, 21),
    bad(k, 40, 2),
  ]);
  const { counts, problems } = checkMetadata(k.image);
  assert.deepEqual(problems, []);
  assert.deepEqual(counts, { remapped: 10, lost: 1, pending: 7, bad: 3, entries: 10 });
  const { transactions, journalUsed, superblockCopy } = loadMetadata(k.image);
  assert.deepEqual([transactions, journalUsed, superblockCopy], [2, 2, "B"]);
});

Deno.test("a transaction counts as a whole or not at all", () => {
  const k = kernel();
  k.commit([extent(k, 1, 1)]);
  k.commit([extent(k, 2, 2)], { ends: false });
  assert.deepEqual(table(k), [extent(k, 1, 1)]);
  const { droppedBlocks, notes } = loadMetadata(k.image);
  assert.equal(droppedBlocks, 1);
  assert.match(notes.join(), /1 block of a transaction that was never completed/);
});

Deno.test("damage in the middle of the journal is refused, at its end it looks like a crash", () => {
  const k = kernel();
  for (let at = 0; at < 3; at++) k.commit([extent(k, at, at)]);
  k.rot(k.layout.journalStart + 2);
  assert.deepEqual(table(k), [extent(k, 0, 0), extent(k, 1, 1)]);
  k.commit([extent(k, 3, 3)]);
  k.rot(k.layout.journalStart + 1);
  refuses(k, /missing or damaged, but block 3 of the journal follows/);
});

Deno.test("what an older generation left in the ring counts no more", () => {
  const k = kernel();
  for (let at = 0; at < 3; at++) k.commit([extent(k, at, at)]);
  k.checkpoint([extent(k, 9, 9)]);
  k.commit([pending(20)]);
  assert.deepEqual(table(k), [extent(k, 9, 9), pending(20)]);
});

Deno.test("a journal newer than the superblocks, or of another device, is refused", () => {
  const k = kernel();
  k.checkpoint([]);
  k.commit([pending(1)]);
  const block = k.block(1);
  k.checkpoint([pending(1)]);
  k.commit([pending(2)]);
  const old = k.block(0);
  k.putBlock(0, block);
  k.forge(0, (view) => view.setUint32(48, 1, true));
  refuses(k, /newer than the newest superblock/);
  k.putBlock(0, old);
  k.forge(k.layout.journalStart, (view) => view.setUint8(24, 0xee));
  refuses(k, /of another device/);
});

Deno.test("the later of two superblocks counts", () => {
  const k = kernel();
  k.checkpoint([extent(k, 1, 1)]);
  k.checkpoint([extent(k, 2, 2)]);
  assert.equal(loadMetadata(k.image).superblockCopy, "A");
  assert.deepEqual(table(k), [extent(k, 2, 2)]);
  k.forge(1, (view) => view.setUint32(48, 3, true));
  refuses(k, /both superblocks claim to be number 3/);
  k.forge(1, (view) => view.setUint32(48, 4, true));
  refuses(k, /the later superblock \(B\) is of the older generation 2/);
  k.forge(0, (view) => view.setUint32(40, 2, true));
  refuses(k, /of the same generation 2, but not of one attempt/);
  k.forge(1, (view) => view.setUint8(30, 0));
  refuses(k, /two different devices/);
});

Deno.test("the older superblock may be lost, and it shows", () => {
  const k = kernel();
  k.checkpoint([extent(k, 1, 1)]);
  k.checkpoint([extent(k, 2, 2)]);
  k.rot(1);
  assert.deepEqual(table(k), [extent(k, 2, 2)]);
  assert.match(
    checkMetadata(k.image).notes.join(),
    /superblock B, block 1 \(byte 4096\), is damaged/,
  );
  k.rot(0);
  refuses(k, /neither superblock is sound/);
});

for (const how of ["rot", "wipe"] as const) {
  Deno.test(`the newest superblock is lost (${how}): its checkpoint counts, with its journal`, () => {
    const k = kernel();
    k.checkpoint([extent(k, 1, 1)]);
    k.commit([pending(7)]);
    k.checkpoint([extent(k, 2, 2)]);
    k.commit([pending(8)]);
    k[how](k.copy);
    assert.deepEqual(table(k), [extent(k, 2, 2), pending(8)]);
    assert.match(checkMetadata(k.image).notes.join(), /checkpoint 3 is whole, and newer/);
    k.rot(k.layout.checkpointStart[k.superblock.checkpoint]);
    refuses(k, /newer than the newest superblock/);
  });
}

Deno.test("the newest superblock is lost, and its checkpoint in part: refused", () => {
  const k = kernel();
  k.checkpoint([pending(1)]);
  k.checkpoint(Array.from({ length: 300 }, (_, at) => pending(at * 2)));
  k.rot(k.copy);
  const start = k.layout.checkpointStart[k.superblock.checkpoint];
  k.rot(start);
  refuses(k, /superblock A is damaged, and so is the checkpoint that it may have named/);
});

Deno.test("a checkpoint whose superblock never came is stale once the journal went on", () => {
  const k = kernel();
  k.checkpoint([extent(k, 1, 1)]);
  k.commit([extent(k, 3, 3)]);
  k.checkpoint([extent(k, 1, 1), extent(k, 3, 3)], { superblock: false });
  k.rot(0);
  assert.match(checkMetadata(k.image).notes.join(), /checkpoint 3 is whole/);
  k.commit([extent(k, 4, 4)]);
  assert.deepEqual(table(k), [extent(k, 1, 1), extent(k, 3, 3), extent(k, 4, 4)]);
});

Deno.test("the first checkpoint was being written: the formatted table counts", () => {
  const k = kernel();
  k.commit([pending(5)]);
  k.checkpoint(Array.from({ length: 300 }, (_, at) => pending(at * 2)), { superblock: false });
  k.wipe(k.layout.checkpointStart[1] + 1);
  assert.deepEqual(table(k), [pending(5)]);
  assert.deepEqual(checkMetadata(k.image).notes, []);
});

Deno.test("a block that cannot be read is refused, but for a superblock", () => {
  const unreadable = (block: number) => {
    const k = kernel();
    k.checkpoint([pending(1)]);
    k.checkpoint([pending(2)]);
    k.commit([pending(3)]);
    const read = k.image.read.bind(k.image);
    k.image.read = (offset, length) => {
      if (offset <= block * 4096 && offset + length > block * 4096) throw new Error("medium error");
      return read(offset, length);
    };
    return k;
  };
  const { layout } = kernel();
  assert.deepEqual(table(unreadable(0)), [pending(2), pending(3)]);
  assert.deepEqual(table(unreadable(1)), [pending(2), pending(3)]);
  refuses(unreadable(layout.journalStart), /journal: cannot be read: medium error/);
  refuses(unreadable(layout.journalStart + 1), /journal: cannot be read: medium error/);
  assert.deepEqual(table(unreadable(layout.journalStart + 2)), [pending(2), pending(3)]);
  refuses(unreadable(layout.checkpointStart[0]), /checkpoint: cannot be read: medium error/);
  const spare = layout.checkpointStart[1];
  assert.deepEqual(table(unreadable(spare)), [pending(2), pending(3)], "it does not count");
  const beside = unreadable(spare + 1);
  beside.rot(1);
  assert.deepEqual(table(beside), [pending(2), pending(3)], "nothing could have been there");
  const lost = unreadable(spare);
  lost.rot(1);
  refuses(lost, /superblock B is damaged, and so is the checkpoint/);
});

Deno.test("a spare that a migration has not filled, or has left, is refused whatever else it holds", () => {
  const link = "99999999-8888-7777-6666-555555555555";
  for (const copy of [0, 1]) {
    for (const [incompat, kind] of [[1, "unfinished"], [2, "moved"]] as const) {
      const k = kernel();
      k.checkpoint([pending(2)]);
      const { superblock } = k;
      k.putBlock(copy, encodeSuperblock({ ...superblock, incompat, linkedUuid: link }));
      refuses(k, incompat === 1 ? /from .*9999.* was not finished/ : /has moved to .*set 9999/);
      const { problems: [problem], migrated, ...report } = checkMetadata(k.image);
      assert.deepEqual([problem?.code, migrated?.kind, report.superblock], [kind, kind, undefined]);
      assert.equal(migrated?.superblock.linkedUuid, link);
      assert.doesNotMatch(problem?.cure ?? "", /repair/);
      k.forge(1 - copy, (view) => view.setUint32(64, 4, true));
      refuses(k, /newer version/);
      assert.equal(checkMetadata(k.image).migrated, undefined);
    }
  }
});

Deno.test("an unfinished spare is written, and a table behind a switch keeps its link", () => {
  const k = kernel();
  const from = { uuid: UUID };
  const made = formatUnfinished(k.image, GEOMETRY, { name: "r0", mainId: "serial:M" }, from);
  const { migrated } = checkMetadata(k.image);
  assert.deepEqual(migrated, { kind: "unfinished", superblock: made });
  assert.deepEqual([made.incompat, made.linkedUuid, made.sequence, made.generation], [
    ...[1, UUID, 1, 1],
  ]);
  assert.notEqual(made.uuid, UUID);
  const link = { linkedUuid: UUID, linkedGeneration: 7 };
  const written = writeMetadata(k.image, { ...made, ...link }, [pending(3)]);
  assert.deepEqual([written.incompat, written.linkedUuid, written.linkedGeneration], [0, UUID, 7]);
  assert.deepEqual(table(k), [pending(3)]);
});

Deno.test("whoever writes to a spare that is about to be left ends the migration", () => {
  const k = kernel();
  k.checkpoint([pending(3)]);
  const link = "99999999-8888-7777-6666-555555555555";
  k.putBlock(k.copy, encodeSuperblock({ ...k.superblock, compat: 1, linkedUuid: link }));
  const { superblock, extents, notes } = loadMetadata(k.image);
  assert.deepEqual([superblock.compat, superblock.linkedUuid], [1, link]);
  assert.match(notes.join(), /migration from here to the spare with set 9999.* was under way/);
  const written = writeMetadata(k.image, superblock, [...extents()]);
  assert.deepEqual([written.compat, written.linkedUuid], [0, ""]);
  assert(written.generation > superblock.generation);
  assert.deepEqual(loadMetadata(k.image).notes, []);
});

Deno.test("a newer format is refused, and repair is not offered", () => {
  const k = kernel();
  k.checkpoint([]);
  k.forge(1, (view) => view.setUint32(64, 3, true));
  refuses(k, /superblock B was written by a newer version/);
  assert.match(checkMetadata(k.image).problems[0]!.cure, /newer dmremap-ts/);
  k.forge(1, (view) => (view.setUint32(64, 0, true), view.setUint32(8, 2, true)));
  refuses(k, /\(format 2\)/);
  k.forge(1, (view) => (view.setUint32(8, 1, true), view.setUint32(68, 7, true)));
  assert.equal(loadMetadata(k.image).superblock.roCompat, 7);
});

Deno.test("each damaged block of a checkpoint is named, and what an entry has wrong", () => {
  const k = kernel();
  k.checkpoint(Array.from({ length: 900 }, (_, at) => pending(at * 2)));
  const start = k.layout.checkpointStart[1];
  k.rot(start);
  k.forge(start + 1, (view) => view.setUint16(64 + 16 * 3 + 14, 8, true));
  k.forge(start + 2, (view) => view.setUint32(64, 0, true));
  k.forge(start + 3, (view) => view.setUint32(56, 0, true));
  const places = checkMetadata(k.image).problems.map(({ where, message }) =>
    `${where}: ${message}`
  );
  assert.deepEqual(places, [
    `block ${start} (byte ${start * 4096}): checkpoint: damaged`,
    `block ${start + 1}, entry 3 (byte ${(start + 1) * 4096 + 112}): ` +
    "checkpoint: entry of unknown state",
    `block ${start + 2}, entry 0 (byte ${(start + 2) * 4096 + 64}): ` +
    "checkpoint: entries overlap or do not ascend",
    `block ${start + 3} (byte ${(start + 3) * 4096}): ` +
    "checkpoint: ends elsewhere than its superblock says",
  ]);
});

Deno.test("the cure is a command that can be typed", () => {
  const k = kernel();
  k.rot(0);
  const { bytes } = k.image;
  const cure = (path: string) => checkMetadata(new MemoryImage(bytes, path)).problems[0]!.cure;
  assert.match(cure("/dev/sdc1"), /^run: dmremap-ts meta repair \/dev\/sdc1 --output OTHER/);
  assert.match(cure("an 'old' one"), / 'an '\\''old'\\'' one' /);
});

Deno.test("a count that does not fit the superblock is refused", () => {
  const k = kernel();
  k.checkpoint([pending(1), pending(3)]);
  k.forge(k.layout.checkpointStart[1], (view) => view.setUint32(16, 1, true));
  refuses(k, /1 entries, but 2 according to its superblock/);
});

Deno.test("no slot is used twice, in the checkpoint or on the way through the journal", () => {
  const twice = /a slot is used twice/;
  const cases: [name: string, journal: (k: FakeKernel) => Extent[], wrong: boolean][] = [
    ["free", (k) => [extent(k, 9, 9)], false],
    ["of another sector", (k) => [extent(k, 9, 1)], true],
    ["of another sector, which gives it up later", (k) => [extent(k, 9, 1), main(1)], true],
    ["given up before", (k) => [main(1), extent(k, 9, 1)], false],
    ["its own", (k) => [extent(k, 1, 1, 1, "lost")], false],
    ["part of a run that ends", (k) => [main(22), extent(k, 9, 22)], false],
    ["part of a run that goes on", (k) => [main(21), extent(k, 9, 22)], true],
    ["bad", (k) => [extent(k, 9, 5)], true],
    ["goes bad while in use", (k) => [bad(k, 1)], true],
    ["goes bad when it is free", (k) => [extent(k, 1, 9), bad(k, 1)], false],
    ["goes bad twice", (k) => [bad(k, 9), bad(k, 9)], true],
    ["taken twice in the journal", (k) => [extent(k, 8, 9), extent(k, 9, 9)], true],
    ["moved within the journal", (k) => [extent(k, 8, 9), main(8), extent(k, 9, 9)], false],
  ];
  for (const [name, journal, wrong] of cases) {
    const k = kernel();
    k.checkpoint([extent(k, 1, 1), extent(k, 20, 20, 4), bad(k, 5)]);
    k.commit(journal(k));
    const { problems } = checkMetadata(k.image);
    assert.equal(problems.some(({ message }) => twice.test(message)), wrong, name);
    assert.equal(problems.length > 0, wrong, name);
  }
  const k = kernel();
  k.checkpoint([extent(k, 1, 1), extent(k, 2, 2)]);
  k.forge(k.layout.checkpointStart[1], (view) => view.setUint32(64 + 16 + 8, k.slot(1), true));
  refuses(k, twice);
});

Deno.test("an image shorter than its metadata is refused at once", () => {
  const { image } = kernel();
  const head = new MemoryImage(image.read(0, 8192));
  assert.match(checkMetadata(head).problems[0]!.message, /ends here/);
  const huge = new FakeKernel({ ...GEOMETRY, spareSectors: 1 << 16 });
  image.write(0, huge.block(0));
  assert.match(checkMetadata(image).problems[0]!.message, /ends here/);
});
