// SPDX-License-Identifier: GPL-2.0-only
// What is not this device's metadata is not taken for it, and nothing is formatted over it.
import { BLOCK_SECTORS, BLOCK_SIZE } from "../../../metadata/format.ts";
import { check, checkEqual, checkFails, checkMatch } from "../../check.ts";
import { type LoopDisk, makeLoop } from "../../loops.ts";
import { run } from "../../programs.ts";
import { Rig } from "../../rig.ts";
import { checkCounts, write } from "../errors/requests.ts";
import {
  CURE,
  MAIN_SECTORS,
  type Pair,
  type PersistenceBench,
  type PersistencePart,
  QUICK,
} from "./bench.ts";
import { firstDifference } from "./files.ts";
import { resealed } from "./blocks.ts";
import { layoutOn, liveView } from "./view.ts";

const ZEROES = new Uint8Array(BLOCK_SIZE);

/** A pair whose spare has metadata in both superblocks, two relocated runs, an empty journal. */
async function usedPair(bench: PersistenceBench, pair?: Pair): Promise<Pair> {
  const used = pair ?? await bench.pair();
  await bench.life(used, async (rig) => {
    await rig.relocate(10, 3);
    await rig.send("save");
    await rig.relocate(100, 8);
    await rig.send("save");
    await write(rig, 96, 16);
  });
  return used;
}

async function refusesForeign(bench: PersistenceBench): Promise<void> {
  const pair = await bench.pair();
  const { journalStart, journalBlocks, checkpointStart } = layoutOn(pair.spare.sectors, 512);
  const places: [string, number][] = [
    ["the first block", 0],
    ["the second block", 1],
    ["a checkpoint slot", checkpointStart[1]],
    ["the last block of the journal", journalStart + journalBlocks - 1],
  ];
  for (const [name, block] of places) {
    const bytes = ZEROES.slice();
    bytes[BLOCK_SIZE - 1] = 1;
    await bench.writeBlock(pair, block, bytes);
    const said = await bench.refuses(`one byte in ${name}`, pair);
    checkMatch(`the log about one byte in ${name}`, said, CURE);
    await bench.writeBlock(pair, block, ZEROES);
  }
  await bench.life(pair, (rig) => rig.check("content over a spare that is clean again"));
}

/** Behind the metadata nothing matters: slots are never read before they were written. */
async function formatsOverOldSlots(bench: PersistenceBench): Promise<void> {
  const pair = await bench.pair();
  const { slotsStart } = layoutOn(pair.spare.sectors, 512);
  const rest = (pair.spare.sectors - slotsStart) * 512;
  await bench.write(pair.raw.spare, new Uint8Array(rest).fill(0xee), slotsStart);
  await bench.life(pair, async (rig) => {
    await rig.relocate(10, 3);
    await rig.check("content over a spare with old slots");
  });
}

async function refusesWithoutSuperblocks(bench: PersistenceBench): Promise<void> {
  const pair = await usedPair(bench);
  for (const fill of [0, 0xff]) {
    for (const block of [0, 1]) await bench.writeBlock(pair, block, ZEROES.slice().fill(fill));
    const said = await bench.refuses(`both superblocks filled with ${fill}`, pair);
    checkMatch("the log", said, CURE);
  }
}

async function servesFromTheOther(bench: PersistenceBench): Promise<void> {
  const pair = await usedPair(bench);
  const image = await bench.crash(pair);
  for (const copy of [0, 1]) {
    for (const [how, fill] of [["zeroed", 0], ["damaged", 0x5a]] as const) {
      const damaged = await bench.revive(image);
      await bench.writeBlock(damaged, copy, ZEROES.slice().fill(fill));
      await bench.life(damaged, async (rig) => {
        checkCounts(`superblock ${"AB"[copy]} ${how}`, rig, { remapped: 11 });
        await rig.check(`content, superblock ${"AB"[copy]} ${how}`);
        await rig.relocate(500, 1);
      });
      const again = await bench.metadata(damaged);
      checkEqual("the next life's journal", again.journalUsed, 0);
    }
  }
}

/** Changes both superblocks, and seals them again. */
async function reseal(
  bench: PersistenceBench,
  pair: Pair,
  change: (view: DataView) => void,
): Promise<void> {
  for (const copy of [0, 1]) {
    await bench.writeBlock(pair, copy, resealed(await bench.readBlock(pair, copy), change));
  }
}

const VERSION_AT = 8;
const UUID_AT = 24;
const INCOMPAT_AT = 64;
const RO_COMPAT_AT = 68;

async function refusesNewer(bench: PersistenceBench): Promise<void> {
  const image = await bench.crash(await usedPair(bench));
  const version = await bench.revive(image);
  await reseal(bench, version, (view) => view.setUint32(VERSION_AT, 2, true));
  checkMatch("the log", await bench.refuses("version 2", version), /newer version/);
  const feature = await bench.revive(image);
  await reseal(bench, feature, (view) => view.setUint32(INCOMPAT_AT, 0x8000, true));
  checkMatch("the log", await bench.refuses("an incompatible feature", feature), /newer version/);
}

/** A feature that this version could only spoil by writing. */
async function keepsToReading(bench: PersistenceBench): Promise<void> {
  const pair = await bench.revive(await bench.crash(await usedPair(bench)));
  await reseal(bench, pair, (view) => view.setUint32(RO_COMPAT_AT, 1, true));
  const before = await bench.read(pair.raw.spare, 0, layoutOn(pair.spare.sectors, 512).slotsStart);
  await bench.life(pair, async (rig) => {
    checkEqual("mode", rig.status().mode, "ro");
    await rig.check("content");
    await write(rig, 96, 16);
    await rig.check("content written to relocated sectors");
    await checkFails("a relocation", "EROFS", () => rig.send("remap 500"));
  });
  const after = await bench.read(pair.raw.spare, 0, before.length / 512);
  checkEqual("the first byte of the metadata that changed", firstDifference(after, before), -1);
}

/** Two superblocks of different devices; a superblock and another device's journal. */
async function tellsDevicesApart(bench: PersistenceBench): Promise<void> {
  const image = await bench.crash(await usedPair(bench));
  const another = (view: DataView) => view.setUint32(UUID_AT, ~view.getUint32(UUID_AT));
  const pair = await bench.revive(image);
  await bench.writeBlock(pair, 1, resealed(await bench.readBlock(pair, 1), another));
  checkMatch("the log", await bench.refuses("superblocks of two devices", pair), CURE);

  const second = await bench.revive(image);
  const mixed = await bench.life(second, async (rig) => {
    await rig.relocate(500, 4);
    return await bench.crash(second);
  });
  const { journalStart } = layoutOn(pair.spare.sectors, 512);
  const foreign = await bench.revive(mixed);
  const block = await bench.readBlock(foreign, journalStart);
  await bench.writeBlock(foreign, journalStart, resealed(block, another));
  checkMatch("the log", await bench.refuses("another device's journal", foreign), CURE);
}

async function resize(disk: LoopDisk, sectors: number): Promise<LoopDisk> {
  const link = `/sys/block/${disk.name}/loop/backing_file`;
  await Deno.truncate((await Deno.readTextFile(link)).trim(), sectors * 512);
  await run("losetup", ["--set-capacity", disk.path]);
  return { ...disk, sectors };
}

async function refusesResized(bench: PersistenceBench): Promise<void> {
  const pair = await usedPair(bench, await bench.ownPair());
  const { main, spare } = pair.raw;
  const same = { length: main.sectors, spareLength: spare.sectors };
  const refused = async (what: string, options: Parameters<typeof bench.refuses>[2]) => {
    checkMatch(`the log about ${what}`, await bench.refuses(what, pair, options), CURE);
  };
  await refused("a shorter target", { ...same, length: 1024 });
  await refused("a shorter spare range", { ...same, spareLength: 512 });
  await refused("another start of main", { ...same, length: 1024, mainStart: 8 });
  await resize(main, main.sectors + 1024);
  await refused("a main that has grown", same);
  await resize(main, main.sectors);
  await resize(spare, spare.sectors + 8);
  await refused("a spare that has grown", same);
  await resize(spare, spare.sectors);
  await bench.life(pair, (rig) => rig.check("content in the old sizes"), same);
}

async function refusesSwapped(bench: PersistenceBench): Promise<void> {
  const pair = await usedPair(bench);
  const { main, spare } = pair.raw;
  const swapped = { ...pair, main: spare, spare: main, raw: { main: spare, spare: main } };
  const said = await bench.refuses("main and spare exchanged", swapped, { length: 512 });
  checkMatch("the log", said, CURE);
  await bench.life(pair, (rig) => rig.check("content the right way round"));
}

/** The constructor knows what the metadata need. */
async function refusesASmallSpare(bench: PersistenceBench): Promise<void> {
  const pair = await bench.pair();
  let least = 8;
  while (layoutOn(least, 512).slots === 0) least += 8;
  for (const sectors of [1, 8, 64, least - 8]) {
    const error = await checkFails(
      `a spare of ${sectors} sectors`,
      "EINVAL",
      () =>
        Rig.make(bench.scope, bench.dm, pair, {
          ...{ features: QUICK, content: pair.content, spareLength: sectors },
        }),
    );
    checkMatch("the log", error.message, /spare/i);
  }
  await bench.life(pair, async (rig) => {
    check("slots", rig.status().spareTotal > 0n, { expected: "some", seen: 0 });
    await rig.relocate(10, 1);
  }, { spareLength: least });
}

/** It would write over the metadata, and the table would be gone with nobody having said so. */
async function refusesVolatile(bench: PersistenceBench): Promise<void> {
  const pair = await usedPair(bench);
  const before = await bench.read(pair.raw.spare);
  const { message } = await checkFails(
    "a volatile line",
    "EBUSY",
    () => Rig.make(bench.scope, bench.dm, pair, { features: ["volatile"], content: pair.content }),
  );
  checkMatch("the log", message, /carries the metadata of a table/);
  const changed = firstDifference(await bench.read(pair.raw.spare), before);
  checkEqual("the first byte of the spare that is changed", changed, -1);
  await bench.life(pair, (rig) => rig.check("content without volatile"));
}

/** The logical block is part of the format: a main with another one is another main. */
async function refusesOtherBlocks(bench: PersistenceBench): Promise<void> {
  const pair = await bench.ownPair({ blockSize: 512 });
  await bench.life(pair, (rig) => rig.relocate(16, 8));
  const blocks = await makeLoop(bench.scope, bench.workdir, {
    ...{ sectors: MAIN_SECTORS, blockSize: 4096 },
  });
  const other = { ...pair, main: blocks };
  checkMatch("the log", await bench.refuses("a main with larger blocks", other), CURE);
}

/** A superblock that cannot be read is one that is damaged; any other block is a refusal. */
async function refusesWhatCannotBeRead(bench: PersistenceBench): Promise<void> {
  const pair = await bench.pair();
  const used = await usedPair(bench, pair);
  const view = await bench.life(used, (rig) => liveView(rig));
  const { checkpointStart, journalStart } = layoutOn(pair.spare.sectors, 512);
  const { checkpoint } = await bench.metadata(pair);
  const fail = (block: number) =>
    pair.spare.fail([{ first: block * BLOCK_SECTORS, count: BLOCK_SECTORS }]);
  for (const block of [checkpointStart[checkpoint], journalStart]) {
    await fail(block);
    const said = await bench.refuses(`block ${block} cannot be read`, pair);
    checkMatch(`the log about block ${block}`, said, CURE);
  }
  await pair.spare.heal();
  await bench.life(pair, async (rig) => {
    checkEqual("the table", await liveView(rig), view);
  });
}

export const REFUSALS: PersistencePart = {
  name: "4 refusals",
  cases: [
    { name: "promise 10: one foreign byte, and nothing is formatted", run: refusesForeign },
    { name: "promise 10: old bytes in slots do not matter", run: formatsOverOldSlots },
    { name: "promise 10: no superblock is left", run: refusesWithoutSuperblocks },
    { name: "promise 10: one superblock is gone, the other serves", run: servesFromTheOther },
    { name: "metadata of a newer version", run: refusesNewer },
    { name: "promise 7: a feature that allows reading only", run: keepsToReading },
    { name: "promise 10: a volatile line over metadata", run: refusesVolatile },
    { name: "metadata of two devices", run: tellsDevicesApart },
    { name: "resized devices", run: refusesResized },
    { name: "main and spare exchanged", run: refusesSwapped },
    { name: "a spare that is too small", run: refusesASmallSpare },
    { name: "other logical blocks", run: refusesOtherBlocks },
    { name: "blocks that cannot be read", run: refusesWhatCannotBeRead },
  ],
};
