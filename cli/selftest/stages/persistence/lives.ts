// SPDX-License-Identifier: GPL-2.0-only
// A device that is removed and created again is the same device.
import { checkEqual } from "../../check.ts";
import { Random } from "../../random.ts";
import type { Rig } from "../../rig.ts";
import { readStat } from "../errors/promises.ts";
import { checkCounts, readFails, write, writeFails } from "../errors/requests.ts";
import { type PersistenceBench, type PersistencePart, QUICK } from "./bench.ts";
import { firstDifference } from "./files.ts";
import { checkContent, checkEverything, meetEverything } from "./everything.ts";
import { layoutOn, liveView } from "./view.ts";

async function formatsZeroes(bench: PersistenceBench): Promise<void> {
  const pair = await bench.pair();
  await bench.life(pair, async (rig) => {
    const { slots } = layoutOn(pair.spare.sectors, 512);
    checkCounts("a new device", rig, { remapped: 0, lost: 0, pending: 0, spareUsed: 0 });
    checkEqual("its slots", rig.status().spareTotal, BigInt(slots));
    checkEqual("its mode", rig.status().mode, "rw");
    checkEqual("its generation", await readStat(rig, "generation"), 1);
    const { superblock } = await bench.metadata(pair);
    checkEqual("the name in the superblock", superblock.name, rig.name);
    checkEqual("main's sectors in the superblock", superblock.mainSectors, rig.length);
    await rig.check("what main held before");
  });
}

async function outlivesRemoval(bench: PersistenceBench): Promise<void> {
  const pair = await bench.pair();
  const before = await bench.life(pair, async (rig) => {
    await meetEverything(rig, pair);
    checkEverything("before the removal", await liveView(rig));
    return await liveView(rig);
  });
  checkEqual("blocks in the journal", (await bench.metadata(pair)).journalUsed, 0);
  await bench.life(pair, async (rig) => {
    checkEqual("the table of the next life", await liveView(rig), before);
    await checkContent("content in the next life", rig);
  });
}

/** What was moved away and came back is on main, and what was lost and written is whole. */
async function outlivesRecovery(bench: PersistenceBench): Promise<void> {
  const pair = await bench.pair();
  await bench.life(pair, async (rig) => {
    await meetEverything(rig, pair);
    await pair.main.heal();
    await rig.check("a sector that has healed", 400, 1);
    await write(rig, 500, 1);
    await write(rig, 600, 1);
    checkEqual("unmap", await rig.send("unmap 300 2"), "cleared=2 kept=0");
    checkEqual("unmap force", await rig.send("unmap 11 force"), "cleared=1 kept=0");
    await rig.write(11, 1);
  });
  await bench.life(pair, async (rig) => {
    checkCounts("in the next life", rig, { remapped: 7, lost: 1, pending: 1 });
    await rig.check("all but the pending sector", 0, 401);
    await rig.check("behind it", 402, rig.length - 402);
  });
}

/** Some sectors of main are never read again, whatever becomes of them there. */
async function neverReadsTheOldCopy(bench: PersistenceBench): Promise<void> {
  const pair = await bench.pair();
  await bench.life(pair, async (rig) => {
    await rig.relocate(100, 8);
    await write(rig, 96, 16);
  });
  await bench.life(pair, async (rig) => {
    const other = rig.content.copy();
    await other.write(rig.main, 100, 8);
    await rig.check("sectors whose old copies were overwritten");
    await write(rig, 102, 1);
    await rig.checkMain("the old copies", other, 100, 8);
  });
}

/** Slots stay used, bad or free; new ones do not meet old ones. */
async function goesOnWhereItWas(bench: PersistenceBench): Promise<void> {
  const pair = await bench.pair();
  const random = new Random(bench.seed);
  for (let life = 0; life < 6; life++) {
    await bench.life(pair, async (rig) => {
      await rig.check(`content at the start of life ${life}`);
      await change(rig, random);
      await rig.check(`content at the end of life ${life}`);
    });
  }
}

async function change(rig: Rig, random: Random): Promise<void> {
  for (let round = 0; round < 6; round++) {
    const first = random.below(rig.length - 40);
    const count = 1 + random.below(40);
    if (random.below(3) === 0) await rig.send(`unmap ${first} ${count}`);
    else await rig.send(`remap ${first} ${count}`);
    await rig.write(first, count);
  }
}

async function keepsToItsRange(bench: PersistenceBench): Promise<void> {
  const pair = await bench.ownPair({ length: 1024 });
  const options = {
    ...{ mainStart: 0, length: 1024, spareStart: 136, spareLength: 600 },
    features: [...QUICK, "max_remaps", "0"],
  };
  const around = await bench.crash(pair);
  await bench.life(pair, async (rig) => {
    await rig.relocate(0, 100);
    await write(rig, 0, 200);
  }, options);
  const after = await bench.crash(pair);
  const end = (options.spareStart + options.spareLength) * 512;
  for (const [from, to] of [[0, options.spareStart * 512], [end, after.spare.length]] as const) {
    checkEqual(
      `the first of bytes ${from} to ${to} of the spare device that changed`,
      firstDifference(after.spare.subarray(from, to), around.spare.subarray(from, to)),
      -1,
    );
  }
  await bench.life(pair, async (rig) => {
    checkEqual("relocated", rig.status().remapped, 100n);
    await rig.check("content over a part of the spare");
  }, options);
}

async function takesLargeBlocks(bench: PersistenceBench): Promise<void> {
  const pair = await bench.ownPair({ blockSize: 4096 });
  await bench.life(pair, async (rig) => {
    await rig.relocate(16, 8);
    await rig.relocate(160, 32);
    await write(rig, 8, 24);
  });
  await bench.life(pair, async (rig) => {
    checkEqual("relocated", rig.status().remapped, 40n);
    await rig.check("content with blocks of 4096 bytes");
  });
}

/** One disk: main at its head, the spare at its tail. */
async function usesTheTailOfADisk(bench: PersistenceBench): Promise<void> {
  const pair = await bench.ownPair({ mainSectors: 3072, length: 2048 });
  const own = { ...pair, spare: pair.main, raw: { main: pair.main, spare: pair.main } };
  const options = { length: 2048, spareStart: 2048, spareLength: 1024 };
  await bench.write(pair.main, new Uint8Array(1024 * 512), 2048);
  await bench.life(own, async (rig) => {
    await rig.relocate(100, 50);
    await rig.write(90, 100);
  }, options);
  await bench.life(own, async (rig) => {
    checkEqual("relocated", rig.status().remapped, 50n);
    await rig.check("content of a disk that is its own spare");
  }, options);
}

async function fillsTheSpare(bench: PersistenceBench): Promise<void> {
  const pair = await bench.pair();
  const options = { features: [...QUICK, "max_remaps", "0"] };
  const { slots } = layoutOn(pair.spare.sectors, 512);
  await bench.life(pair, async (rig) => {
    await rig.relocate(0, slots);
    await pair.main.fail([{ first: 1500, count: 1 }]);
    await writeFails(rig, 1500, 1);
  }, options);
  await bench.life(pair, async (rig) => {
    checkCounts("a full spare in its next life", rig, { remapped: slots, spareUsed: slots });
    await writeFails(rig, 1500, 1);
    await readFails(rig, 1500, 1);
    await rig.check("all that is relocated", 0, slots);
  }, options);
}

export const LIVES: PersistencePart = {
  name: "1 removed and created again",
  cases: [
    { name: "promise 10: a spare of zeroes is formatted", run: formatsZeroes },
    { name: "promise 4: all that was met outlives a removal", run: outlivesRemoval },
    { name: "promise 4: what came back to main stays there", run: outlivesRecovery },
    { name: "promise 2: old copies on main are never read again", run: neverReadsTheOldCopy },
    { name: "promise 5: slots of one life are not used again in the next", run: goesOnWhereItWas },
    { name: "promise 5: nothing outside of the spare's range is touched", run: keepsToItsRange },
    { name: "promise 7: a full spare is full in the next life", run: fillsTheSpare },
    { name: "logical blocks of 4 KiB", run: takesLargeBlocks },
    { name: "a disk that is its own spare", run: usesTheTailOfADisk },
  ],
};
