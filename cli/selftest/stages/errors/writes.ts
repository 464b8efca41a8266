// SPDX-License-Identifier: GPL-2.0-only
// A write to a bad sector: the sector moves to the spare, and nothing else does.
import { check, checkEqual } from "../../check.ts";
import { position } from "../../content.ts";
import { readCounters } from "../../loops.ts";
import { Random } from "../../random.ts";
import type { Range } from "../../rig.ts";
import { together } from "../../tasks.ts";
import type { ErrorsBench, ErrorsPart } from "./bench.ts";
import { checkCounts, checkPlaces, checkStat, UNTOUCHED, write } from "./requests.ts";

async function movesOneSector(bench: ErrorsBench): Promise<void> {
  const { rig, main } = await bench.rig();
  await main.fail([{ first: 300, count: 1 }]);
  await write(rig, 300, 1);
  await rig.check("the sector that was relocated", 300, 1);
  checkCounts("after one bad sector", rig, {
    ...{ remapped: 1, lost: 0, pending: 0, spareUsed: 1, spareBad: 0, autoRemaps: 1 },
    ...{ manualRemaps: 0, writeErrors: 1, readErrors: 0, transportErrors: 0 },
  });
  await checkPlaces(rig, 299, 3, "299+1 main, 300+1 remapped, 301+1 main");
  await rig.check("everything");
}

async function keepsNeighboursOnMain(bench: ErrorsBench): Promise<void> {
  const { rig, main } = await bench.rig();
  await main.fail([{ first: 300, count: 1 }]);
  const old = rig.content.copy();
  await write(rig, 296, 8);
  await checkPlaces(rig, 296, 8, "296+4 main, 300+1 remapped, 301+3 main");
  checkCounts("slots for one bad sector among eight", rig, { spareUsed: 1, writeErrors: 1 });
  await main.heal();
  await rig.checkMain("the good part of the write, before the bad sector", rig.content, 296, 4);
  await rig.checkMain("the good part of the write, behind it", rig.content, 301, 3);
  await rig.checkMain("the bad sector, which nobody has written since", old, 300, 1);
  await rig.check("the relocated sector although main has healed", 296, 8);
}

async function neverReturnsTheOldCopy(bench: ErrorsBench): Promise<void> {
  const { rig, main } = await bench.rig();
  await main.fail([{ first: 40, count: 2 }]);
  await write(rig, 40, 2);
  await main.heal();
  await rig.check("sectors whose old place has healed", 40, 2);
  await write(rig, 40, 2);
  await rig.check("the same, written again", 32, 16);
  checkCounts("slots", rig, { remapped: 2, spareUsed: 2, autoRemaps: 2 });
}

async function usesTwoSlotsForTwo(bench: ErrorsBench): Promise<void> {
  const { rig, main } = await bench.rig();
  await main.fail([{ first: 517, count: 1 }, { first: 590, count: 1 }]);
  await write(rig, 512, 128);
  checkCounts("after 64 KiB over two bad sectors", rig, {
    ...{ remapped: 2, spareUsed: 2, autoRemaps: 2, writeErrors: 1, lost: 0, spareBad: 0 },
  });
  await checkPlaces(
    rig,
    512,
    128,
    "512+5 main, 517+1 remapped, 518+72 main, 590+1 remapped, 591+49 main",
  );
  await rig.check("everything");
}

/** Single sectors and runs, from the first sector to the last. */
function scattered(seed: number, length: number): Range[] {
  const random = new Random(seed);
  const ranges: Range[] = [{ first: 0, count: 1 }];
  for (let at = 2; at < length - 50; at += random.between(20, 60)) {
    const count = random.pick([1, 1, 1, 2, 9]);
    ranges.push({ first: at, count });
    at += count;
  }
  ranges.push({ first: length - 1, count: 1 });
  return ranges;
}

async function takesLargeWritesOverMany(bench: ErrorsBench): Promise<void> {
  const { rig, main } = await bench.rig();
  const bad = scattered(bench.seed, rig.length);
  await main.fail(bad);
  await write(rig, 0, rig.length);
  const sectors = bad.reduce((sum, { count }) => sum + count, 0);
  checkCounts(`slots for ${sectors} bad sectors in one write`, rig, {
    ...{ remapped: sectors, spareUsed: sectors, autoRemaps: sectors, spareBad: 0 },
  });
  await rig.check("everything");
  await main.heal();
  for (const { sector, count, place } of await rig.places()) {
    if (place !== "main") continue;
    await rig.checkMain("good sectors", rig.content, Number(sector), Number(count));
  }
}

async function takesManyWritesAtOnce(bench: ErrorsBench): Promise<void> {
  const { rig, main } = await bench.rig();
  const bad = Array.from({ length: 32 }, (_, index) => ({ first: index * 64 + 13, count: 1 }));
  await main.fail(bad);
  await together(bad.map(({ first }) => write(rig, first - 5, 16)));
  checkCounts("slots for 32 writes at once", rig, {
    ...{ remapped: 32, spareUsed: 32, autoRemaps: 32, writeErrors: 32 },
  });
  await rig.check("everything");
}

/** A durable write is one with FUA, or one with a flush behind it: the disks see either. */
async function keepsFua(bench: ErrorsBench): Promise<void> {
  const { rig, main, spare } = await bench.rig();
  await main.fail([{ first: 300, count: 1 }]);
  const flushes = async () => [
    (await readCounters(main.below)).flushes,
    (await readCounters(spare.below)).flushes,
  ];
  const before = await flushes();
  await write(rig, 296, 8, { dsync: true });
  const after = await flushes();
  const seen = after.map((count, disk) => count - (before[disk] ?? 0));
  check("flushes of main and spare, by a durable write over a bad sector", !seen.includes(0), {
    expected: "at least one each",
    seen,
  });
  await rig.check("a durable write over a bad sector", 290, 20);
  checkCounts("slots", rig, { remapped: 1, spareUsed: 1 });
}

async function flushesBeforeItAcknowledges(bench: ErrorsBench): Promise<void> {
  const { rig, main, spare } = await bench.rig();
  await main.fail([{ first: 300, count: 1 }]);
  const before = await readCounters(spare.below);
  await write(rig, 300, 1);
  const after = await readCounters(spare.below);
  check("flushes of the spare before the relocation counts", after.flushes > before.flushes, {
    expected: "at least one",
    seen: after.flushes - before.flushes,
  });
}

async function takesZeroes(bench: ErrorsBench): Promise<void> {
  const { rig, main } = await bench.rig();
  await main.fail([{ first: 305, count: 2 }]);
  await rig.file.zeroout(position(296), position(24));
  rig.content.set(296, 24, 0);
  await rig.check("zeroes over two bad sectors", 288, 48);
  checkCounts("slots", rig, { remapped: 2, spareUsed: 2, autoRemaps: 2, lost: 0 });
}

async function worksAnywhereOnTheDisks(bench: ErrorsBench): Promise<void> {
  const options = { mainStart: 61, length: 1000, spareStart: 37, spareLength: 100 };
  const { rig, main } = await bench.rig(options);
  await main.fail([{ first: 61 + 300, count: 1 }, { first: 61 + 999, count: 1 }]);
  await write(rig, 290, 20);
  await write(rig, 990, 10);
  await checkPlaces(rig, 290, 20, "290+10 main, 300+1 remapped, 301+9 main");
  checkCounts("slots", rig, { remapped: 2, spareUsed: 2 });
  await rig.check("everything");
  await checkStat("of a write", rig, "spare_errors", 0);
}

async function survivesSuspend(bench: ErrorsBench): Promise<void> {
  const { rig, main } = await bench.rig();
  await main.fail([{ first: 300, count: 1 }]);
  await write(rig, 300, 1);
  const before = rig.statusLine();
  await bench.dm.suspend(rig.name);
  checkEqual("the status while suspended", rig.statusLine(), before);
  await bench.dm.resume(rig.name);
  await rig.check("everything after suspend and resume");
  checkEqual(
    "unmap of a sector that main refuses",
    await rig.send("unmap 300"),
    "cleared=0 kept=1",
  );
  await main.heal();
  checkEqual("unmap of a healed sector", await rig.send("unmap 300"), "cleared=1 kept=0");
  await rig.checkMain("the sector that is back", rig.content, 300, 1);
  checkCounts("in the end", rig, { remapped: 0, spareUsed: 0, autoRemaps: 1 });
}

async function doesNothingWithoutAFault(bench: ErrorsBench): Promise<void> {
  const { rig } = await bench.rig();
  await write(rig, 0, rig.length);
  await rig.check("everything");
  checkCounts("without a fault", rig, { ...UNTOUCHED, writeErrors: 0, readErrors: 0 });
  await checkStat("without a fault", rig, "retried", 0);
}

export const WRITES: ErrorsPart = {
  name: "1 failed writes",
  cases: [
    { name: "promise 1: a bad sector is relocated by its write", run: movesOneSector },
    { name: "promise 1: its good neighbours stay on main", run: keepsNeighboursOnMain },
    { name: "promise 2: the old place is not read when it heals", run: neverReturnsTheOldCopy },
    { name: "promise 6: 64 KiB over two bad sectors: two slots", run: usesTwoSlotsForTwo },
    { name: "promise 6: 1 MiB over many bad sectors", run: takesLargeWritesOverMany },
    { name: "promise 6: 32 writes at once, each over one", run: takesManyWritesAtOnce },
    { name: "promise 1: a durable write is durable on the spare", run: keepsFua },
    { name: "promise 4: data is flushed before it counts", run: flushesBeforeItAcknowledges },
    { name: "promise 1: zeroes over bad sectors", run: takesZeroes },
    { name: "promise 5: main and spare from the middle of disks", run: worksAnywhereOnTheDisks },
    { name: "promise 1: suspend, resume, unmap", run: survivesSuspend },
    { name: "promise 6: nothing is counted without a fault", run: doesNothingWithoutAFault },
  ],
};
