// SPDX-License-Identifier: GPL-2.0-only
// Sectors that main cannot read any more: relocated as lost, EIO until they are written, never zeros.
import { check, checkEqual, checkFails, checkMatch } from "../check.ts";
import { checkLost, newGeneration, position, readSectors } from "../content.ts";
import { makeSectors } from "../pattern.ts";
import type { Rig } from "../rig.ts";
import type { Bench, FunctionalCase } from "./bench.ts";

const BAD = { first: 200, count: 4 };
/** Without them a case would wait for the retries of every bad sector. */
const QUICK = ["volatile", "retries", "1", "retry_delay_ms", "0"];

/** A rig with four lost sectors, 200 to 203, in eight relocated ones. */
async function withLost(bench: Bench, healAfterwards = true): Promise<Rig> {
  const rig = await bench.rig({ faults: true, features: QUICK });
  await rig.badMain([BAD]);
  await rig.relocate(198, 8, BAD.count);
  if (healAfterwards) await rig.badMain([]);
  return rig;
}

async function givesErrors(bench: Bench): Promise<void> {
  const rig = await withLost(bench, false);
  await checkLost("lost content", rig.file, BAD.first, BAD.count);
  await rig.check("the relocated sectors before them", 198, 2);
  await rig.check("the relocated sectors behind them", 204, 2);
  checkEqual("lost in the status", rig.status().lost, 4n);
  const states = (await rig.places(198, 8)).map(({ sector, place }) => [sector, place]);
  checkEqual("their places", states, [[198n, "remapped"], [200n, "lost"], [204n, "remapped"]]);
}

async function givesErrorsAfterMainHeals(bench: Bench): Promise<void> {
  const rig = await withLost(bench);
  await checkLost("lost content although main reads again", rig.file, BAD.first, BAD.count);
}

async function failsReadsThatTouchThem(bench: Bench): Promise<void> {
  const rig = await withLost(bench);
  for (const [first, count] of [[190, 11], [203, 8], [196, 16], [0, 1024]] as const) {
    await checkFails(`a read of ${first}+${count}, over lost sectors`, "EIO", () => {
      return readSectors(rig.file, first, count).then(() => undefined);
    });
  }
}

async function readsAgainOnceWritten(bench: Bench): Promise<void> {
  const rig = await withLost(bench);
  await rig.write(201, 1);
  await rig.check("the sector that was written", 201, 1);
  await checkLost("its neighbour before", rig.file, 200, 1);
  await checkLost("its neighbours behind", rig.file, 202, 2);
  checkEqual("lost in the status", rig.status().lost, 3n);
  await rig.write(190, 30);
  await rig.check("all of them, written at once", 180, 60);
  checkEqual("lost in the end", rig.status().lost, 0n);
  checkEqual("relocated in the end", rig.status().remapped, 8n);
}

async function survivesEverythingElse(bench: Bench): Promise<void> {
  const rig = await withLost(bench);
  await rig.file.flush();
  await bench.dm.suspend(rig.name);
  await bench.dm.resume(rig.name);
  await rig.relocate(196, 12, 4);
  checkEqual("unmap", await rig.send("unmap 196 12"), "cleared=8 kept=4");
  checkEqual("clear", await rig.send("clear"), "cleared=0 kept=4");
  await checkLost("lost content after all that", rig.file, BAD.first, BAD.count);
  await rig.check("the sectors around them, on main again", 196, 4);
}

async function isDroppedByForce(bench: Bench): Promise<void> {
  const rig = await withLost(bench);
  checkEqual("unmap by force", await rig.send("unmap 200 4 force"), "cleared=4 kept=0");
  checkEqual("lost in the status", rig.status().lost, 0n);
  await rig.check("what main holds shows again", 196, 12);
}

async function countsReadErrors(bench: Bench): Promise<void> {
  const rig = await bench.rig({ faults: true, features: [...QUICK, "no_auto_remap"] });
  const before = rig.status();
  await rig.badMain([BAD]);
  await checkFails("a read of a bad sector of main", "EIO", () => readSectors(rig.file, 201, 1));
  const bytes = makeSectors(201, 1, newGeneration());
  await checkFails("a write of a bad sector of main", "EIO", () => {
    return rig.file.write(position(201), bytes);
  });
  const after = rig.status();
  checkEqual("read errors", after.readErrors - before.readErrors, 1n);
  checkEqual("write errors", after.writeErrors - before.writeErrors, 1n);
  checkEqual("relocated by itself", after.remapped, 0n);
}

async function refusesADeadMain(bench: Bench): Promise<void> {
  const rig = await bench.rig({ faults: true, features: QUICK });
  await rig.badMain([{ first: 0, count: rig.length }]);
  await checkFails("remap on a main that answers nowhere", "EIO", () => rig.send("remap 200 4"));
  checkEqual("relocated", rig.status().remapped, 0n);
  checkEqual("slots in use", rig.status().spareUsed, 0n);
  await rig.badMain([]);
  await rig.check("content once main is back");
  await rig.relocate(200, 4);
}

async function takesAnotherSlot(bench: Bench): Promise<void> {
  const rig = await bench.rig({ faults: true, features: QUICK });
  await rig.badSpare([{ first: 8, count: 1 }, { first: 17, count: 2 }]);
  await rig.relocate(8, 32);
  await rig.check("content after slots refused their writes");
  const { spareBad, remapped, spareUsed } = rig.status();
  checkEqual("relocated", remapped, 32n);
  const bad = spareBad ?? 0n;
  check("bad slots", bad >= 1n && bad <= 3n, { expected: "1 to 3", seen: bad });
  checkEqual("slots in use", spareUsed, 32n + bad);
  for (const { count, spareSector } of await rig.places(8, 32)) {
    const first = Number(spareSector);
    const last = first + Number(count) - 1;
    const hit = [8, 17, 18].some((sector) => sector >= first && sector <= last);
    check("slots in use", !hit, { expected: "none of 8, 17, 18", seen: `${first} to ${last}` });
  }
}

async function refusesADeadSpare(bench: Bench): Promise<void> {
  const rig = await bench.rig({ faults: true, features: QUICK });
  await rig.badSpare([{ first: 0, count: rig.disks.spare.sectors }]);
  await checkFails("remap to a dead spare", "EIO", () => rig.send("remap 200 4"));
  checkEqual("relocated", rig.status().remapped, 0n);
  checkEqual("slots that count as bad", rig.status().spareBad, 0n);
  await rig.check("content beside a dead spare");
}

async function retriesFirst(bench: Bench): Promise<void> {
  const features = ["volatile", "retries", "4", "retry_delay_ms", "50"];
  const rig = await bench.rig({ faults: true, features });
  await rig.badMain([{ first: 300, count: 1 }]);
  const start = performance.now();
  await rig.relocate(300, 1, 1);
  const ms = performance.now() - start;
  // 50 + 100 + 200 ms between four tries
  check("the time for four tries", ms >= 340, { expected: "at least 350 ms", seen: `${ms} ms` });
}

async function takesAnotherSlotWhenWritten(bench: Bench): Promise<void> {
  const rig = await withLost(bench);
  const place = checkMatch("verify 200", await rig.send("verify 200 1"), /^200 1 lost (\d+)$/);
  await rig.badSpare([{ first: Number(place[1]), count: 1 }]);
  await rig.write(200, 1);
  await rig.check("the sector in its new slot", 200, 1);
  const { lost, remapped, spareBad } = rig.status();
  checkEqual("lost, relocated and bad slots", [lost, remapped, spareBad], [3n, 8n, 1n]);
}

async function staysLostAfterAFailedWrite(bench: Bench): Promise<void> {
  const rig = await withLost(bench);
  await rig.badSpare([{ first: 0, count: rig.disks.spare.sectors }]);
  const bytes = makeSectors(200, 1, newGeneration());
  await checkFails("a write that no slot takes", "EIO", () => {
    return rig.file.write(position(200), bytes);
  });
  await rig.badSpare([]);
  await checkLost("lost content after a failed write", rig.file, 200, 1);
}

export const LOST_CASES: readonly FunctionalCase[] = [
  { name: "lost sectors give EIO, their neighbours data", run: givesErrors },
  { name: "lost sectors give EIO also when main heals", run: givesErrorsAfterMainHeals },
  { name: "larger reads over lost sectors give EIO", run: failsReadsThatTouchThem },
  { name: "a write makes exactly its lost sectors good", run: readsAgainOnceWritten },
  { name: "lost stays lost through flush, suspend, unmap, clear", run: survivesEverythingElse },
  { name: "lost sectors are dropped by force only", run: isDroppedByForce },
  { name: "a failed write leaves a lost sector lost", run: staysLostAfterAFailedWrite },
  { name: "a lost sector is written to another slot", run: takesAnotherSlotWhenWritten },
  { name: "no_auto_remap: errors of main are passed on and counted", run: countsReadErrors },
  { name: "a main that answers nowhere loses no sector", run: refusesADeadMain },
  { name: "a slot that refuses its write is replaced", run: takesAnotherSlot },
  { name: "a spare that answers nowhere has no bad slots", run: refusesADeadSpare },
  { name: "retries with growing delays", run: retriesFirst },
];
