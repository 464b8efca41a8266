// SPDX-License-Identifier: GPL-2.0-only
// Bytes that are not the ones that were written: an error, never data.
import { check, checkEqual, CheckError, checkFails, checkMatch } from "../check.ts";
import { position, readSectors } from "../content.ts";
import { Random } from "../random.ts";
import type { Scope } from "../scope.ts";
import type { StageRun } from "../stage.ts";
import { kernelIsAtLeast, notInThisKernel, until } from "./errors/here.ts";
import {
  checkGone,
  checkStat,
  checkUnreadable,
  makeRottenRig,
  slotOf,
  stat,
  VERIFYING,
} from "./verify_rig.ts";

/** A case of the stage. */
export interface VerifyCase {
  readonly name: string;
  readonly run: (stage: StageRun, scope: Scope) => Promise<void>;
}

const FIRST = 100;
const COUNT = 16;
/** One of these sectors rots. */
const BAD = 104;

/** The sectors around the bad one are as they were. */
async function checkNeighbours(rig: Awaited<ReturnType<typeof makeRottenRig>>["rig"]) {
  await rig.check("the sectors before", FIRST - 8, BAD - FIRST + 8);
  await rig.check("the sectors behind", BAD + 1, FIRST + COUNT - BAD + 8);
}

async function findsRotOnMain(stage: StageRun, scope: Scope): Promise<void> {
  const { rig, main } = await makeRottenRig(stage, scope);
  await rig.write(FIRST, COUNT);
  await main.flip(BAD);
  await checkUnreadable(rig, BAD, 1);
  await checkStat(rig, "verify_errors", 1n);
  checkEqual("verify_errors in the status", rig.status().verifyErrors, 1n);
  for (const [first, count] of [[FIRST - 8, 32], [BAD, 8], [0, 1024]] as const) {
    await checkUnreadable(rig, first, count);
  }
  await checkNeighbours(rig);
  checkGone(rig, "with one rotten sector", 1n, 1n);
  const states = (await rig.places(FIRST, COUNT)).map(({ sector, place }) => [sector, place]);
  checkEqual("the places", states, [[100n, "main"], [104n, "pending"], [105n, "main"]]);
  checkEqual("slots in use", rig.status().spareUsed, 0n);
}

async function readsAgainWhatWasRestored(stage: StageRun, scope: Scope): Promise<void> {
  const { rig, main } = await makeRottenRig(stage, scope);
  await rig.write(FIRST, COUNT);
  await main.flip(BAD);
  await checkUnreadable(rig, BAD, 1);
  await checkUnreadable(rig, BAD, 1);
  checkGone(rig, "while it is rotten", 1n, 1n);
  await checkStat(rig, "recovered", 0n);
  await main.flip(BAD);
  await rig.check("what was put right", FIRST, COUNT);
  checkGone(rig, "afterwards", 0n, 0n);
  await checkStat(rig, "recovered", 1n);
}

async function writesOverRot(stage: StageRun, scope: Scope): Promise<void> {
  const { rig, main, spare } = await makeRottenRig(stage, scope);
  await rig.write(FIRST, COUNT);
  await main.flip(BAD);
  await checkUnreadable(rig, FIRST, COUNT);
  await rig.write(BAD, 1);
  await rig.check("what was written over it", FIRST, COUNT);
  checkGone(rig, "once it is written", 0n, 0n);
  checkEqual("relocated by that", rig.status().remapped, 1n);
  await spare.flip(await slotOf(rig, BAD));
  await checkUnreadable(rig, BAD, 1);
}

async function findsRotInASlot(stage: StageRun, scope: Scope): Promise<void> {
  const { rig, spare } = await makeRottenRig(stage, scope);
  await rig.write(FIRST, COUNT);
  await rig.relocate(FIRST, 8);
  await rig.check("what was relocated", FIRST, COUNT);
  const slot = await slotOf(rig, BAD);
  await spare.flip(slot);
  await checkUnreadable(rig, FIRST, 8);
  await checkNeighbours(rig);
  checkGone(rig, "with a rotten slot", 0n, 1n);
  checkEqual("its place", await rig.send(`verify ${BAD} 1`), `${BAD} 1 lost ${slot}`);
  await spare.flip(slot);
  await rig.check("what was put right", FIRST, COUNT);
  checkGone(rig, "afterwards", 0n, 0n);
}

async function movesNoRot(stage: StageRun, scope: Scope): Promise<void> {
  const { rig, main, spare } = await makeRottenRig(stage, scope);
  await rig.write(FIRST, COUNT);
  await main.flip(BAD);
  await rig.relocate(FIRST, 8, 1);
  await checkUnreadable(rig, BAD, 1);
  await checkNeighbours(rig);
  await rig.write(BAD, 1);
  await rig.check("once it is written", FIRST, COUNT);
  await spare.flip(await slotOf(rig, BAD));
  checkEqual("unmap of a rotten slot", await rig.send(`unmap ${FIRST} 8`), "cleared=7 kept=1");
  await checkUnreadable(rig, BAD, 1);
  await checkNeighbours(rig);
}

async function verifiesWhereverItIs(stage: StageRun, scope: Scope): Promise<void> {
  const { rig, main } = await makeRottenRig(stage, scope);
  await rig.write(FIRST, COUNT);
  await rig.relocate(FIRST, 8);
  checkEqual("unmap", await rig.send(`unmap ${FIRST} 8`), "cleared=8 kept=0");
  await rig.check("back on main", FIRST, COUNT);
  await main.flip(BAD);
  await checkUnreadable(rig, BAD, 1);
}

async function findsMisreads(stage: StageRun, scope: Scope): Promise<void> {
  const { rig, main } = await makeRottenRig(stage, scope);
  await rig.write(FIRST, COUNT);
  await main.misread([BAD, BAD + 2]);
  await checkUnreadable(rig, FIRST, COUNT);
  await checkUnreadable(rig, BAD, 1);
  await rig.check("the sector between", BAD + 1, 1);
  await checkUnreadable(rig, BAD + 2, 1);
  checkGone(rig, "with two bad sectors", 2n, 2n);
  await main.readRightly();
  await rig.check("as soon as reads are right again", FIRST, COUNT);
  checkGone(rig, "afterwards", 0n, 0n);
}

/** A scan reads everything, and so finds rot that nobody has asked for yet. */
async function findsRotInAScan(stage: StageRun, scope: Scope): Promise<void> {
  const { rig, main, spare } = await makeRottenRig(stage, scope);
  await rig.write(FIRST, COUNT);
  await rig.write(500, 8);
  await rig.relocate(500, 8);
  await main.flip(BAD);
  await spare.flip(await slotOf(rig, 502));
  await rig.send(`scan 0 ${rig.length - 1}`);
  await until("the scan ends", async () => {
    return (await rig.send("scan status")).startsWith("scan=done ");
  });
  checkMatch("what it says", await rig.send("scan status"), / errors=2( |$)/);
  checkGone(rig, "after the scan", 1n, 2n);
  await checkStat(rig, "verify_errors", 2n);
  await checkUnreadable(rig, 502, 1);
}

/** Every read is either right or an error. */
async function survivesRandomMisreads(stage: StageRun, scope: Scope): Promise<void> {
  if (!kernelIsAtLeast(6, 9)) throw notInThisKernel("random_read_corrupt in dm-flakey");
  const { rig, main } = await makeRottenRig(stage, scope);
  await rig.write(0, rig.length);
  await main.misreadAtRandom(0.4);
  const random = new Random(stage.settings.seed);
  let failed = 0;
  for (let round = 0; round < 400; round++) {
    const count = random.between(1, 32);
    const first = random.below(rig.length - count);
    try {
      await rig.check("a read while some are wrong", first, count);
    } catch (error) {
      if (error instanceof CheckError) throw error;
      await checkFails("the read", "EIO", () => Promise.reject(error));
      failed++;
    }
  }
  check("reads that failed", failed > 0 && failed < 400, { expected: "some", seen: failed });
  await main.readRightly();
  await rig.check("the whole device in the end");
  checkGone(rig, "in the end", 0n, 0n);
}

async function looksOnlyIfAsked(stage: StageRun, scope: Scope): Promise<void> {
  const features = VERIFYING.filter((feature) => feature !== "verify_reads");
  const { rig, main } = await makeRottenRig(stage, scope, { features });
  await rig.write(FIRST, COUNT);
  await main.flip(BAD);
  await rig.check("the sectors before", FIRST, BAD - FIRST);
  await checkSilentlyWrong("the rotten sector", () => rig.check("it", BAD, 1));
  await main.misread([BAD + 2]);
  await checkSilentlyWrong("a sector that is misread", () => rig.check("it", BAD + 2, 1));
  await checkStat(rig, "verify_errors", 0n);
  checkGone(rig, "without verify_reads", 0n, 0n);
}

/** Shows that the damage is real: nothing but the checksum can notice it. */
async function checkSilentlyWrong(what: string, read: () => Promise<void>): Promise<void> {
  const error = await read().then(() => undefined, (error) => error);
  const wrong = error instanceof CheckError;
  check(what, wrong, { expected: "other bytes, and no error", seen: error ?? "right bytes" });
}

async function findsRotInLargeBlocks(stage: StageRun, scope: Scope): Promise<void> {
  const { rig, main } = await makeRottenRig(stage, scope, { blockSize: 4096 });
  await rig.write(96, 32);
  await checkStat(rig, "verify_blocks", 4n);
  await main.flip(107);
  await checkUnreadable(rig, 96, 32);
  await rig.check("the block before", 96, 8);
  await checkUnreadable(rig, 104, 8);
  await rig.check("the blocks behind", 112, 16);
  checkGone(rig, "with a rotten block", 8n, 8n);
}

async function goesByWhatWasWrittenLast(stage: StageRun, scope: Scope): Promise<void> {
  const { rig, main } = await makeRottenRig(stage, scope);
  await main.flip(BAD);
  await checkSilentlyWrong("a sector from before", () => rig.check("it", BAD, 1));
  await rig.write(BAD, 1);
  await rig.check("once it is written", BAD, 1);
  const old = await readSectors(rig.main, BAD, 1);
  await rig.write(BAD, 1);
  // What an earlier write left is as wrong as anything else: a write that the disk has lost.
  await rig.main.write(position(BAD), old);
  await checkUnreadable(rig, BAD, 1);
  check("verify_errors", await stat(rig, "verify_errors") > 0n, { expected: "some", seen: "none" });
}

export const FINDS: readonly VerifyCase[] = [
  { name: "rot on main is an error, and its sector pending", run: findsRotOnMain },
  { name: "the sector reads again once it is right", run: readsAgainWhatWasRestored },
  { name: "a write over rot is kept elsewhere", run: writesOverRot },
  { name: "rot in a slot is an error", run: findsRotInASlot },
  { name: "no move takes rot for data", run: movesNoRot },
  { name: "sectors that moved and came back are verified", run: verifiesWhereverItIs },
  { name: "a scan finds rot", run: findsRotInAScan },
  { name: "a disk that misreads gives errors, no wrong bytes", run: findsMisreads },
  { name: "a disk that misreads now and then", run: survivesRandomMisreads },
  { name: "a write that the disk has lost", run: goesByWhatWasWrittenLast },
  { name: "blocks of 4 KiB", run: findsRotInLargeBlocks },
  { name: "without verify_reads nobody notices", run: looksOnlyIfAsked },
];
