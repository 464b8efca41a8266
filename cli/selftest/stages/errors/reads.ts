// SPDX-License-Identifier: GPL-2.0-only
// A failed read: an error, never other data; the sector is pending, and nothing is allocated.
import { checkEqual } from "../../check.ts";
import { checkLost } from "../../content.ts";
import { together } from "../../tasks.ts";
import type { ErrorsBench, ErrorsPart } from "./bench.ts";
import { checkAround, checkCounts, checkPlaces, checkStat, readFails } from "./requests.ts";

async function makesPending(bench: ErrorsBench): Promise<void> {
  const { rig, main } = await bench.rig();
  await main.fail([{ first: 300, count: 1 }]);
  await readFails(rig, 300, 1);
  checkCounts("after a failed read", rig, {
    ...{ remapped: 0, lost: 1, pending: 1, spareUsed: 0, autoRemaps: 0 },
    ...{ readErrors: 1, writeErrors: 0, transportErrors: 0 },
  });
  await checkPlaces(rig, 299, 3, "299+1 main, 300+1 pending, 301+1 main");
  checkEqual("entries", await rig.send("entries 0 10"), "300 1 pending");
  await checkLost("a pending sector", rig.file, 300, 1);
  await checkAround("all other sectors", rig, [300]);
  checkCounts("in the end", rig, { lost: 1, pending: 1, spareUsed: 0 });
}

async function isolates(bench: ErrorsBench): Promise<void> {
  const { rig, main } = await bench.rig();
  const bad = [130, 131, 200, 255];
  await main.fail([{ first: 130, count: 2 }, { first: 200, count: 1 }, { first: 255, count: 1 }]);
  await readFails(rig, 128, 128);
  checkCounts("after 64 KiB over four bad sectors", rig, {
    ...{ remapped: 0, lost: 4, pending: 4, spareUsed: 0, readErrors: 1 },
  });
  await checkPlaces(
    rig,
    128,
    128,
    "128+2 main, 130+2 pending, 132+68 main, 200+1 pending, 201+54 main, 255+1 pending",
  );
  await checkAround("all other sectors", rig, bad);
  for (const sector of bad) await checkLost("a pending sector", rig.file, sector, 1);
}

async function clearsOnAGoodRead(bench: ErrorsBench): Promise<void> {
  const { rig, main } = await bench.rig();
  await main.fail([{ first: 300, count: 2 }]);
  await readFails(rig, 296, 8);
  checkCounts("pending", rig, { lost: 2, pending: 2 });
  await main.heal();
  await rig.check("one of two pending sectors that can be read again", 300, 1);
  checkCounts("after a good read of one", rig, { lost: 1, pending: 1, spareUsed: 0 });
  await rig.check("a larger read over the other one", 290, 20);
  checkCounts("after good reads of both", rig, { lost: 0, pending: 0, spareUsed: 0, remapped: 0 });
  await checkPlaces(rig, 290, 20, "290+20 main");
  await checkStat("after two good reads", rig, "recovered", 2);
}

async function keepsThemThroughSuspend(bench: ErrorsBench): Promise<void> {
  const { rig, main } = await bench.rig();
  await main.fail([{ first: 300, count: 1 }]);
  await readFails(rig, 300, 1);
  await bench.dm.suspend(rig.name);
  checkCounts("while suspended", rig, { lost: 1, pending: 1 });
  await bench.dm.resume(rig.name);
  await checkLost("a pending sector after a resume", rig.file, 300, 1);
  checkCounts("after the resume", rig, { lost: 1, pending: 1, spareUsed: 0 });
}

async function relocatesByHand(bench: ErrorsBench): Promise<void> {
  const { rig, main } = await bench.rig();
  await main.fail([{ first: 300, count: 1 }]);
  await readFails(rig, 300, 1);
  await rig.relocate(298, 4, 1);
  await checkPlaces(rig, 298, 4, "298+2 remapped, 300+1 lost, 301+1 remapped");
  checkCounts("after remap", rig, { remapped: 4, lost: 1, pending: 0, manualRemaps: 4 });
  await main.heal();
  await checkLost("a lost sector although main has healed", rig.file, 300, 1);
  await rig.write(300, 1);
  await rig.check("everything once it is written");
  checkCounts("in the end", rig, { remapped: 4, lost: 0, pending: 0, spareUsed: 4 });
}

async function readsInParallel(bench: ErrorsBench): Promise<void> {
  const { rig, main } = await bench.rig();
  const bad = Array.from({ length: 16 }, (_, index) => index * 100 + 50);
  await main.fail(bad.map((first) => ({ first, count: 1 })));
  await together([
    ...bad.map((sector) => readFails(rig, sector - 8, 16)),
    ...bad.map((sector) => rig.check("a good sector beside a bad one", sector + 1, 1)),
    ...bad.map((sector) => readFails(rig, sector, 1)),
  ]);
  checkCounts("after 32 failed reads at once", rig, { lost: 16, pending: 16, spareUsed: 0 });
  await checkAround("all other sectors", rig, bad);
}

export const READS: ErrorsPart = {
  name: "2 failed reads",
  cases: [
    { name: "promise 3: EIO, pending, and nothing allocated", run: makesPending },
    { name: "promise 3: exactly the bad sectors of a large read", run: isolates },
    { name: "promise 3: a good read clears pending", run: clearsOnAGoodRead },
    { name: "promise 3: pending survives suspend and resume", run: keepsThemThroughSuspend },
    { name: "promise 3: a pending sector relocated by hand is lost", run: relocatesByHand },
    { name: "promise 3: many reads at once", run: readsInParallel },
  ],
};
