// SPDX-License-Identifier: GPL-2.0-only
// Faults that pass: retried, and no slot is used for them.
import { check, checkEqual, checkMatch } from "../../check.ts";
import { makeLoop } from "../../loops.ts";
import type { Rig } from "../../rig.ts";
import { together } from "../../tasks.ts";
import { type ErrorsBench, type ErrorsPart, MAIN_SECTORS, SPARE_SECTORS } from "./bench.ts";
import { pause, until } from "./here.ts";
import { NullDisk } from "./null_disk.ts";
import { readStat } from "./promises.ts";
import { checkCounts, checkPlaces, UNTOUCHED, write, writeFails } from "./requests.ts";

/** Time enough to heal the disk between the first try and the next. */
const PATIENT = ["volatile", "retries", "6", "retry_delay_ms", "400"];
const HEAL_AFTER_MS = 200;

/** Main is a disk that heals at once, without a suspend that would wait for requests. */
async function onNullDisk(bench: ErrorsBench, features: readonly string[]) {
  const main = await NullDisk.make(bench.scope);
  const spare = await bench.segments("spare", bench.loops.spare);
  return { main, rig: await bench.rigOver({ main, spare }, { features }) };
}

/** Its first try has failed by then, and the next is still to come. */
async function healsMeanwhile(rig: Rig, main: NullDisk, request: Promise<void>): Promise<void> {
  const heal = async () => {
    await until("the request begins", () => rig.inFlight() > 0);
    await pause(HEAL_AFTER_MS);
    await main.heal();
  };
  await together([request, heal()]);
}

async function checkRetried(rig: Rig): Promise<void> {
  const retried = await readStat(rig, "retried");
  check("blocks that were retried", retried >= 1, { expected: "at least 1", seen: retried });
}

async function retriesWrites(bench: ErrorsBench): Promise<void> {
  const { main, rig } = await onNullDisk(bench, PATIENT);
  await main.fail([{ first: 300, count: 1 }]);
  await healsMeanwhile(rig, main, write(rig, 296, 8));
  checkCounts("after a write that a retry saved", rig, UNTOUCHED);
  await checkPlaces(rig, 296, 8, "296+8 main");
  await checkRetried(rig);
  await rig.checkMain("the whole write", rig.content, 296, 8);
}

async function retriesReads(bench: ErrorsBench): Promise<void> {
  const { main, rig } = await onNullDisk(bench, PATIENT);
  await main.fail([{ first: 300, count: 1 }]);
  await healsMeanwhile(rig, main, rig.check("a read that a retry saved", 296, 8));
  checkCounts("after a read that a retry saved", rig, UNTOUCHED);
  await checkRetried(rig);
}

async function proactiveRelocates(bench: ErrorsBench): Promise<void> {
  const { main, rig } = await onNullDisk(bench, [...PATIENT, "proactive"]);
  await main.fail([{ first: 300, count: 1 }]);
  await healsMeanwhile(rig, main, rig.check("a read that a retry saved", 296, 8));
  // The read need not wait for the relocation that it is the reason of.
  for (let tries = 0; tries < 1500 && rig.status().remapped === 0n; tries++) await pause(20);
  checkCounts("after a read that a retry saved", rig, {
    ...{ remapped: 1, lost: 0, pending: 0, spareUsed: 1, autoRemaps: 1, manualRemaps: 0 },
  });
  await checkPlaces(rig, 296, 8, "296+4 main, 300+1 remapped, 301+3 main");
  await rig.check("everything");
  await write(rig, 300, 1);
  await rig.check("the sector, written again", 296, 8);
}

/** 40 ms, then 80, then 160 between four tries. */
async function waitsLongerEachTime(bench: ErrorsBench): Promise<void> {
  const features = ["volatile", "retries", "4", "retry_delay_ms", "40"];
  const { rig, main } = await bench.rig({ features });
  await main.fail([{ first: 300, count: 1 }]);
  const start = performance.now();
  await write(rig, 300, 1);
  const ms = performance.now() - start;
  check("the time for four tries", ms >= 275, { expected: "at least 280 ms", seen: `${ms} ms` });
  checkCounts("after four tries", rig, { remapped: 1, spareUsed: 1, writeErrors: 1 });
}

async function onlyCounts(bench: ErrorsBench): Promise<void> {
  const features = ["volatile", "retries", "1", "retry_delay_ms", "0", "no_auto_remap"];
  const { rig, main } = await bench.rig({ features });
  await main.fail([{ first: 300, count: 1 }]);
  await writeFails(rig, 296, 8);
  checkCounts("after a failed write", rig, {
    ...{ remapped: 0, spareUsed: 0, autoRemaps: 0, writeErrors: 1 },
  });
  await rig.check("sectors beside it", 0, 296);
  await rig.check("sectors beside it", 304, 100);
  await main.heal();
  await write(rig, 296, 8);
  await rig.check("everything once main takes it");
  checkEqual("a manual remap", await rig.send("remap 300"), "remapped=1 lost=0");
  checkCounts("in the end", rig, { remapped: 1, manualRemaps: 1, autoRemaps: 0 });
}

/** Health has to tell of write errors for which nothing is done. */
async function tellsOfThem(bench: ErrorsBench): Promise<void> {
  const features = ["volatile", "retries", "1", "retry_delay_ms", "0", "no_auto_remap"];
  const { rig, main } = await bench.rig({ features });
  checkEqual("the health before", rig.status().health, "good");
  await main.fail([{ first: 300, count: 1 }]);
  await writeFails(rig, 300, 1);
  for (let tries = 0; tries < 1500 && rig.status().health === "good"; tries++) await pause(20);
  checkMatch("the health after", rig.status().health, /^(warning|degraded|critical)$/);
}

/** The tail of a disk as its own spare: a bad sector moves to the end of the very same disk. */
async function isItsOwnSpare(bench: ErrorsBench): Promise<void> {
  const loop = await makeLoop(bench.scope, bench.workdir, {
    sectors: MAIN_SECTORS + SPARE_SECTORS,
  });
  const disk = await bench.segments("both", loop);
  const rig = await bench.rigOver({ main: disk, spare: disk }, {
    ...{ length: MAIN_SECTORS, spareStart: MAIN_SECTORS, spareLength: SPARE_SECTORS },
  });
  await disk.fail([{ first: 300, count: 1 }, { first: 1999, count: 1 }]);
  await write(rig, 290, 20);
  await write(rig, 1990, 58);
  checkCounts("after writes over two bad sectors", rig, { remapped: 2, spareUsed: 2, lost: 0 });
  await rig.check("everything");
}

export const TRANSIENT: ErrorsPart = {
  name: "4 retries and policies",
  cases: [
    { name: "a write that a retry saves uses no slot", run: retriesWrites },
    { name: "a read that a retry saves gives its data", run: retriesReads },
    { name: "proactive: such a sector is relocated", run: proactiveRelocates },
    { name: "retries wait longer each time", run: waitsLongerEachTime },
    { name: "no_auto_remap: counted, never relocated", run: onlyCounts },
    { name: "no_auto_remap: health tells of it", run: tellsOfThem },
    { name: "a disk that is its own spare", run: isItsOwnSpare },
  ],
};
