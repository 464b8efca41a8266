// SPDX-License-Identifier: GPL-2.0-only
// What a SCSI disk can do wrong: medium errors, which are a sector's, and all the rest, which is not.
import { check, checkEqual, codeOf } from "../../check.ts";
import { checkLost, newGeneration, position } from "../../content.ts";
import { ANY, type Generation, makeSectors } from "../../pattern.ts";
import type { Rig } from "../../rig.ts";
import { type ErrorsBench, type ErrorsPart, QUICK } from "./bench.ts";
import { checkTransportErrors } from "./dead.ts";
import { readStat } from "./promises.ts";
import {
  checkAround,
  checkCounts,
  checkEither,
  checkPlaces,
  readFails,
  UNTOUCHED,
  write,
  writeFails,
} from "./requests.ts";
import { OPT_TIMEOUT_MEDIUM_ACCESS, OPT_TRANSPORT, ScsiDisk } from "./scsi_disk.ts";

async function onScsiDisk(bench: ErrorsBench, features = QUICK) {
  const main = await ScsiDisk.make(bench.scope);
  const spare = await bench.segments("spare", bench.loops.spare);
  return { main, rig: await bench.rigOver({ main, spare }, { features }) };
}

async function findsMediumErrors(bench: ErrorsBench): Promise<void> {
  const { main, rig } = await onScsiDisk(bench);
  await main.failReads(500, 10);
  await readFails(rig, 500, 1);
  await checkPlaces(rig, 496, 16, "496+4 main, 500+1 pending, 501+11 main");
  await readFails(rig, 496, 16);
  await checkPlaces(rig, 496, 16, "496+4 main, 500+10 pending, 510+2 main");
  checkCounts("after medium errors", rig, {
    ...{ remapped: 0, lost: 10, pending: 10, spareUsed: 0, writeErrors: 0 },
  });
  await checkAround("the sectors around", rig, Array.from({ length: 10 }, (_, at) => 500 + at));
  await write(rig, 500, 9);
  checkCounts("after a write over nine of them", rig, { remapped: 9, lost: 1, pending: 1 });
  await rig.check("what was written", 490, 19);
  await checkLost("the one that was not", rig.file, 509, 1);
}

async function readsBackWhatItWrote(bench: ErrorsBench): Promise<void> {
  const { main, rig } = await onScsiDisk(bench, [...QUICK, "pending_policy", "verify"]);
  await main.failReads(500, 1);
  await readFails(rig, 500, 1);
  // The disk takes the write, but the sector stays unreadable.
  await write(rig, 500, 1);
  checkCounts("after a write that does not read back", rig, {
    ...{ remapped: 1, lost: 0, pending: 0, spareUsed: 1 },
  });
  await rig.check("everything");
}

async function keepsWhatMainCannotHold(bench: ErrorsBench): Promise<void> {
  const { main, rig } = await onScsiDisk(bench);
  await main.failReads(500, 2);
  await readFails(rig, 500, 2);
  await write(rig, 496, 8);
  checkCounts("after a write", rig, { remapped: 2, lost: 0, spareUsed: 2 });
  // The disk takes the data, and cannot give it back.
  checkEqual("unmap", await rig.send("unmap 500 2"), "cleared=0 kept=2");
  checkEqual("clear", await rig.send("clear"), "cleared=0 kept=2");
  await rig.check("everything");
  await main.heal();
  checkEqual("clear on a healed disk", await rig.send("clear"), "cleared=2 kept=0");
  await rig.check("everything, on main again");
}

async function comesBackFromOffline(bench: ErrorsBench): Promise<void> {
  const { main, rig } = await onScsiDisk(bench);
  await main.setState("offline");
  await writeFails(rig, 300, 8);
  await readFails(rig, 400, 8);
  checkCounts("with an offline disk", rig, UNTOUCHED);
  await checkTransportErrors(rig, 2);
  await main.setState("running");
  await write(rig, 300, 8);
  await rig.check("everything once it runs again, without a reload");
  checkCounts("in the end", rig, UNTOUCHED);
}

async function timesOut(bench: ErrorsBench): Promise<void> {
  const { main, rig } = await onScsiDisk(bench);
  await main.failEvery(1, OPT_TIMEOUT_MEDIUM_ACCESS);
  // One sector: each further part of a request would have to time out, too.
  await writeGoesWrong(rig, 300, 1);
  checkCounts("after a time-out", rig, UNTOUCHED);
  await checkTransportErrors(rig);
  await main.heal();
  await write(rig, 300, 8);
  await rig.check("everything once the disk answers again");
  checkCounts("in the end", rig, UNTOUCHED);
}

/**
 * The errno says how the disk failed, where the disk said so; it may even have taken the data.
 * @returns what may be in these sectors now
 */
async function writeGoesWrong(rig: Rig, first: number, count: number): Promise<Generation[]> {
  const before = rig.content.generation(first);
  const after = newGeneration();
  const error = await rig.file.write(position(first), makeSectors(first, count, after))
    .then(() => undefined, codeOf);
  check("a write to a disk that does not answer", error !== undefined, {
    expected: "an error",
    seen: "success",
  });
  return [before, after];
}

/** One of the two, sector by sector. */
async function checkOutcome(rig: Rig, first: number, count: number, allowed: Generation[]) {
  for (let at = first; at < first + count; at++) {
    await checkEither(rig, at, allowed);
    check(`sector ${at}`, rig.content.generation(at) !== ANY, {
      expected: "readable",
      seen: "an error",
    });
  }
}

async function losesEveryCommand(bench: ErrorsBench): Promise<void> {
  const { main, rig } = await onScsiDisk(bench);
  await main.failEvery(1, OPT_TRANSPORT);
  const allowed = await writeGoesWrong(rig, 300, 8);
  checkCounts("after transport errors", rig, UNTOUCHED);
  await checkTransportErrors(rig);
  await main.heal();
  await checkOutcome(rig, 300, 8, allowed);
  await rig.check("everything once they are over");
}

async function losesSomeCommands(bench: ErrorsBench): Promise<void> {
  const features = ["volatile", "retries", "5", "retry_delay_ms", "1"];
  const { main, rig } = await onScsiDisk(bench, features);
  await main.failEvery(3, OPT_TRANSPORT);
  for (let round = 0; round < 20; round++) {
    await write(rig, round * 50, 1);
    await rig.check("a read among transport errors", round * 50, 16);
  }
  await main.heal();
  checkCounts("after a third of all commands failed once", rig, UNTOUCHED);
  const retried = await readStat(rig, "retried");
  check("retried", retried >= 1, { expected: "at least 1", seen: retried });
  await rig.check("everything");
}

async function isDeleted(bench: ErrorsBench): Promise<void> {
  const { main, rig } = await onScsiDisk(bench);
  await main.delete();
  await writeGoesWrong(rig, 300, 8);
  checkCounts("with a disk that was deleted", rig, UNTOUCHED);
  await checkTransportErrors(rig);
}

export const SCSI: ErrorsPart = {
  name: "7 SCSI disks",
  cases: [
    { name: "promise 3: medium errors on reads", run: findsMediumErrors },
    { name: "verify: a sector that stays unreadable moves", run: readsBackWhatItWrote },
    { name: "promise 1: unmap keeps what main cannot hold", run: keepsWhatMainCannotHold },
    { name: "promise 8: offline, and running again", run: comesBackFromOffline },
    { name: "promise 8: time-outs", run: timesOut },
    { name: "promise 8: every command is lost", run: losesEveryCommand },
    { name: "promise 8: every third command is lost", run: losesSomeCommands },
    { name: "promise 8: the disk is deleted", run: isDeleted },
  ],
};
