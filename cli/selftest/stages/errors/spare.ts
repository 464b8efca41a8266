// SPDX-License-Identifier: GPL-2.0-only
// Spares that are full, slots that are bad, and spares that are dead.
import { check, checkEqual, checkMatch } from "../../check.ts";
import { checkLost } from "../../content.ts";
import type { Rig } from "../../rig.ts";
import { type ErrorsBench, type ErrorsPart, type FaultRig, QUICK } from "./bench.ts";
import { pause } from "./here.ts";
import { readStat } from "./promises.ts";
import { checkCounts, checkPlaces, slotOf, write, writeFails } from "./requests.ts";

const UNLIMITED = [...QUICK, "max_remaps", "0"];

/** Health is assessed a moment later. */
async function checkHealth(what: string, rig: Rig, pattern: RegExp): Promise<void> {
  for (let tries = 0; tries < 1500 && !pattern.test(rig.status().health); tries++) await pause(20);
  checkMatch(`the health, ${what}`, rig.status().health, pattern);
  checkMatch(`the reason, ${what}`, await rig.send("health"), /^health=\S+ score=\d+ reason=\S+/);
}

/** Every slot is in use, and main has one more bad sector. */
async function withFullSpare(bench: ErrorsBench): Promise<FaultRig> {
  const parts = await bench.rig({ spareLength: 16, features: UNLIMITED });
  const { rig, main } = parts;
  await main.fail([{ first: 100, count: 16 }, { first: 500, count: 1 }]);
  await write(rig, 96, 32);
  checkCounts("a full spare", rig, { remapped: 16, spareUsed: 16, autoRemaps: 16 });
  return parts;
}

async function failsLoudlyWhenFull(bench: ErrorsBench): Promise<void> {
  const { rig } = await withFullSpare(bench);
  await writeFails(rig, 500, 1);
  await writeFails(rig, 496, 8);
  checkCounts("after writes with a full spare", rig, {
    ...{ remapped: 16, spareUsed: 16, autoRemaps: 16, spareBad: 0, writeErrors: 3 },
  });
  await checkHealth("with a full spare", rig, /^(critical|failed)$/);
}

async function servesTheRestWhenFull(bench: ErrorsBench): Promise<void> {
  const { rig } = await withFullSpare(bench);
  await writeFails(rig, 500, 1);
  await write(rig, 90, 40);
  await rig.check("existing mappings and healthy sectors", 0, 500);
  await write(rig, 501, 500);
  await rig.check("healthy sectors", 501, 1000);
  await rig.file.flush();
  await rig.check("the relocated ones once more", 96, 32);
}

async function goesOnOnceThereIsRoom(bench: ErrorsBench): Promise<void> {
  const { rig, main } = await withFullSpare(bench);
  await writeFails(rig, 500, 1);
  await main.fail([{ first: 500, count: 1 }]);
  checkEqual("unmap", await rig.send("unmap 100 4"), "cleared=4 kept=0");
  await write(rig, 500, 1);
  checkCounts("after a slot was freed", rig, { remapped: 13, spareUsed: 13, lost: 0 });
  await rig.check("everything");
}

async function keepsToMaxRemaps(bench: ErrorsBench): Promise<void> {
  const { rig, main } = await bench.rig({ features: [...QUICK, "max_remaps", "2"] });
  await main.fail([100, 200, 300].map((first) => ({ first, count: 1 })));
  await write(rig, 100, 1);
  await write(rig, 200, 1);
  await writeFails(rig, 300, 1);
  checkCounts("after one more than is allowed", rig, { remapped: 2, spareUsed: 2 });
  await rig.check("everything before it", 0, 300);
  await rig.check("everything behind it", 301, 1000);
  await write(rig, 100, 1);
  await rig.check("a relocated sector, written again", 100, 1);
  await checkHealth("at max_remaps", rig, /^(warning|degraded|critical)$/);
}

async function takesAnotherSlot(bench: ErrorsBench): Promise<void> {
  const { rig, main, spare } = await bench.rig();
  await main.fail([{ first: 300, count: 1 }, { first: 808, count: 2 }]);
  await spare.fail([{ first: 0, count: 40 }]);
  await write(rig, 300, 1);
  const slot = await slotOf(rig, 300);
  check("the slot", slot >= 40, { expected: "40 or more", seen: slot });
  const bad = Number(rig.status().spareBad);
  check("slots that were marked bad", bad >= 1 && bad <= 40, { expected: "1 to 40", seen: bad });
  checkCounts("slots in use", rig, { remapped: 1, spareUsed: 1 + bad, lost: 0, autoRemaps: 1 });
  const errors = await readStat(rig, "spare_errors");
  check("spare_errors", errors >= 1, { expected: "at least 1", seen: errors });
  await write(rig, 800, 16);
  await rig.check("everything");
  await spare.heal();
  await rig.check("everything, from slots that were never bad");
}

async function movesOffABadSlot(bench: ErrorsBench): Promise<void> {
  const { rig, main, spare } = await bench.rig();
  await main.fail([{ first: 300, count: 4 }]);
  await write(rig, 300, 4);
  const slot = await slotOf(rig, 302);
  await spare.fail([{ first: slot, count: 1 }]);
  await write(rig, 296, 16);
  const now = await slotOf(rig, 302);
  check("the slot of the sector", now !== slot, { expected: `another than ${slot}`, seen: now });
  checkCounts("after a slot went bad", rig, { remapped: 4, spareBad: 1, spareUsed: 5, lost: 0 });
  await rig.check("everything");
  checkEqual("the other slots", (await slotOf(rig, 301)) - (await slotOf(rig, 300)), 1);
  await spare.heal();
  await rig.check("everything once the spare has healed");
}

async function losesWhatASlotLoses(bench: ErrorsBench): Promise<void> {
  const { rig, main, spare } = await bench.rig();
  await main.fail([{ first: 300, count: 3 }]);
  await write(rig, 300, 3);
  const slot = await slotOf(rig, 301);
  await spare.fail([{ first: slot, count: 1 }]);
  await checkLost("a sector whose slot cannot be read", rig.file, 301, 1);
  await checkPlaces(rig, 300, 3, "300+1 remapped, 301+1 lost, 302+1 remapped");
  checkCounts("after a slot could not be read", rig, {
    ...{ remapped: 3, lost: 1, pending: 0, spareUsed: 3, spareBad: 0 },
  });
  await rig.check("its neighbour before", 300, 1);
  await rig.check("its neighbour behind", 302, 1);
  await write(rig, 301, 1);
  await rig.check("everything once it is written");
  checkCounts("after the write", rig, { remapped: 3, lost: 0, spareUsed: 4, spareBad: 1 });
  const now = await slotOf(rig, 301);
  check("its slot", now !== slot, { expected: `another than ${slot}`, seen: now });
}

async function readsASlotThatHeals(bench: ErrorsBench): Promise<void> {
  const { rig, main, spare } = await bench.rig();
  await main.fail([{ first: 300, count: 1 }]);
  await write(rig, 300, 1);
  await spare.fail([{ first: await slotOf(rig, 300), count: 1 }]);
  await checkLost("a sector whose slot cannot be read", rig.file, 300, 1);
  await spare.heal();
  await rig.check("the same once it can");
  checkCounts("after a good read", rig, { remapped: 1, lost: 0, spareUsed: 1, spareBad: 0 });
}

async function marksNothingOnADeadSpare(bench: ErrorsBench): Promise<void> {
  const { rig, main, spare } = await bench.rig();
  await main.fail([{ first: 300, count: 1 }, { first: 400, count: 1 }]);
  await write(rig, 300, 1);
  await spare.die();
  await writeFails(rig, 400, 1);
  await checkLost("a relocated sector on a dead spare", rig.file, 300, 1);
  checkCounts("with a dead spare", rig, { remapped: 1, spareUsed: 1, spareBad: 0 });
  await write(rig, 500, 100);
  await rig.check("main beside a dead spare", 500, 100);
  await checkHealth("with a dead spare", rig, /^(degraded|critical|failed)$/);
  await spare.heal();
  await rig.check("a relocated sector once the spare is back", 290, 20);
  await write(rig, 400, 1);
  checkCounts("once the spare is back", rig, { remapped: 2, spareUsed: 2, spareBad: 0, lost: 0 });
  await rig.check("everything");
}

export const SPARE: ErrorsPart = {
  name: "5 spares that fail",
  cases: [
    { name: "promise 7: a full spare is loud", run: failsLoudlyWhenFull },
    { name: "promise 7: a full spare serves all else", run: servesTheRestWhenFull },
    { name: "promise 7: a freed slot is used", run: goesOnOnceThereIsRoom },
    { name: "promise 7: max_remaps", run: keepsToMaxRemaps },
    { name: "promise 5: a slot that refuses is bad, another is taken", run: takesAnotherSlot },
    { name: "promise 1: a slot that fails later is left", run: movesOffABadSlot },
    { name: "promise 3: a slot that cannot be read is an error", run: losesWhatASlotLoses },
    { name: "promise 3: it gives its data once it can be read", run: readsASlotThatHeals },
    { name: "promise 8: a dead spare has no bad slots", run: marksNothingOnADeadSpare },
  ],
};
