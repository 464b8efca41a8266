// SPDX-License-Identifier: GPL-2.0-only
// Disks that answer nothing: no sector is to blame, and no slot is used.
import { check, checkMatch } from "../../check.ts";
import { together } from "../../tasks.ts";
import { type ErrorsBench, type ErrorsPart, QUICK } from "./bench.ts";
import { pause } from "./here.ts";
import { NullDisk } from "./null_disk.ts";
import { readStat } from "./promises.ts";
import { checkCounts, readFails, UNTOUCHED, write, writeFails } from "./requests.ts";
import type { Rig } from "../../rig.ts";

export async function checkTransportErrors(rig: Rig, least = 1): Promise<void> {
  const seen = await readStat(rig, "transport_errors");
  check("transport_errors", seen >= least, { expected: `at least ${least}`, seen });
}

async function blamesNoSector(bench: ErrorsBench): Promise<void> {
  const { rig, main } = await bench.rig();
  await main.die();
  await writeFails(rig, 300, 1);
  await readFails(rig, 400, 1);
  await writeFails(rig, 0, 128);
  await readFails(rig, 0, 128);
  checkCounts("with a dead main", rig, { ...UNTOUCHED, readErrors: 0, writeErrors: 0 });
  await checkTransportErrors(rig, 2);
}

/** So long a disk that answered nowhere is not asked again whether a sector is to blame. */
const SILENCE_MS = 1500;

async function servesAgain(bench: ErrorsBench): Promise<void> {
  const { rig, main } = await bench.rig();
  await main.fail([{ first: 50, count: 1 }]);
  await write(rig, 48, 8);
  await main.die();
  await writeFails(rig, 300, 1);
  await rig.check("a relocated sector while main is dead", 50, 1);
  await write(rig, 50, 1);
  await rig.check("a relocated sector, written while main is dead", 50, 1);
  await main.fail([{ first: 300, count: 1 }]);
  await rig.check("everything but the bad sector, without a reload", 0, 300);
  await pause(SILENCE_MS);
  await write(rig, 296, 8);
  await rig.check("everything");
  checkCounts("once main is back", rig, { remapped: 2, spareUsed: 2, lost: 0, pending: 0 });
}

async function endsSoon(bench: ErrorsBench): Promise<void> {
  const features = ["volatile", "retries", "3", "retry_delay_ms", "20"];
  const { rig, main } = await bench.rig({ features });
  await main.die();
  const start = performance.now();
  await together(Array.from({ length: 64 }, (_, index) => {
    return index % 2 === 0 ? readFails(rig, index * 16, 16) : writeFails(rig, index * 16, 8);
  }));
  const ms = Math.round(performance.now() - start);
  check("the time that 64 requests to a dead disk take", ms < 40_000, {
    expected: "less than 40 s",
    seen: `${ms} ms`,
  });
  checkCounts("after 64 requests", rig, UNTOUCHED);
  await main.heal();
  await write(rig, 0, rig.length);
  await rig.check("everything once main is back");
}

async function saysSo(bench: ErrorsBench): Promise<void> {
  const { rig, main } = await bench.rig();
  await main.die();
  await writeFails(rig, 300, 1);
  for (let tries = 0; tries < 1500 && rig.status().health === "good"; tries++) await pause(20);
  checkMatch("the health with a dead main", rig.status().health, /^(degraded|critical|failed)$/);
  await main.heal();
  await write(rig, 300, 1);
  await rig.check("everything");
}

/** A pending sector may be rewritten in place; that main is dead is no reason to give it a slot. */
async function verifiesNothing(bench: ErrorsBench): Promise<void> {
  const { rig, main } = await bench.rig({ features: [...QUICK, "pending_policy", "verify"] });
  await main.fail([{ first: 300, count: 1 }]);
  await readFails(rig, 300, 1);
  await main.die();
  await writeFails(rig, 400, 1);
  await writeFails(rig, 300, 1);
  checkCounts("with a dead main", rig, { remapped: 0, spareUsed: 0, lost: 1, pending: 1 });
  await main.heal();
  await pause(SILENCE_MS);
  await write(rig, 300, 1);
  checkCounts("after a write in place", rig, UNTOUCHED);
  await rig.check("everything");
}

async function takesAwayMain(bench: ErrorsBench): Promise<void> {
  const main = await NullDisk.make(bench.scope);
  const spare = await bench.segments("spare", bench.loops.spare);
  const rig = await bench.rigOver({ main, spare });
  await main.fail([{ first: 50, count: 1 }]);
  await write(rig, 48, 8);
  await main.powerOff();
  await writeFails(rig, 300, 1);
  await readFails(rig, 301, 8);
  await rig.check("what is on the spare", 50, 1);
  checkCounts("with main gone", rig, { remapped: 1, spareUsed: 1, pending: 0, lost: 0 });
  await checkTransportErrors(rig);
}

async function takesAwayTheSpare(bench: ErrorsBench): Promise<void> {
  const spare = await NullDisk.make(bench.scope);
  const main = await bench.segments("main", bench.loops.main);
  const rig = await bench.rigOver({ main, spare }, { features: QUICK });
  await main.fail([{ first: 50, count: 1 }, { first: 60, count: 1 }]);
  await write(rig, 50, 1);
  await spare.powerOff();
  await writeFails(rig, 60, 1);
  await readFails(rig, 50, 1);
  await write(rig, 100, 100);
  await rig.check("what is on main", 100, 100);
  checkCounts("with the spare gone", rig, { remapped: 1, spareUsed: 1, spareBad: 0 });
}

export const DEAD: ErrorsPart = {
  name: "6 disks that die",
  cases: [
    { name: "promise 8: a dead main uses no slot", run: blamesNoSector },
    { name: "promise 7: a main that comes back serves again", run: servesAgain },
    { name: "promise 8: 64 requests to a dead main end soon", run: endsSoon },
    { name: "promise 7: a dead main shows in the health", run: saysSo },
    { name: "promise 8: pending sectors of a dead main, verify", run: verifiesNothing },
    { name: "promise 8: main is taken away", run: takesAwayMain },
    { name: "promise 8: the spare is taken away", run: takesAwayTheSpare },
  ],
};
