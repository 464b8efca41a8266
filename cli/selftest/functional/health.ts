// SPDX-License-Identifier: GPL-2.0-only
// The health of a device: what makes it worse and better, and who is told.
import { parseHealth } from "../../device/health.ts";
import { check, checkEqual, checkFails } from "../check.ts";
import { readSectors } from "../content.ts";
import { Listener } from "../listener.ts";
import { swapTable } from "../mapped.ts";
import type { Rig } from "../rig.ts";
import type { Bench, FunctionalCase } from "./bench.ts";

/** Without them a case would wait for the retries of every bad sector. */
const QUICK = ["volatile", "retries", "1", "retry_delay_ms", "0"];
const GOOD = "health=good score=100 reason=none";

/** The reply to the message, which the status line has to agree with. */
async function healthOf(rig: Rig): Promise<string> {
  const reply = await rig.send("health");
  checkEqual("the state in the status line", rig.status().health, parseHealth(reply).health);
  return reply;
}

async function isGoodWhileItDoesItsWork(bench: Bench): Promise<void> {
  const rig = await bench.rig({ faults: true, features: QUICK });
  checkEqual("a new device", await healthOf(rig), GOOD);
  await rig.relocate(100, 20);
  checkEqual("after 20 relocations by hand", await healthOf(rig), GOOD);
  await rig.badMain([{ first: 300, count: 5 }, { first: 400, count: 3 }]);
  await rig.write(296, 120);
  checkEqual("relocated by the target", rig.status().autoRemaps, 8n);
  checkEqual("after 8 relocations by the target", await healthOf(rig), GOOD);
}

async function followsPendingSectors(bench: Bench): Promise<void> {
  const rig = await bench.rig({ faults: true, features: QUICK });
  const listener = new Listener(bench.scope, bench.dm, rig.name);
  await rig.badMain([{ first: 300, count: 3 }]);
  await checkFails("a bad sector", "EIO", () => readSectors(rig.file, 296, 8));
  const pending = "health=warning score=85 reason=lost:3,pending:3";
  checkEqual("with pending sectors", await healthOf(rig), pending);
  await listener.expect("health", { DM_REMAP_HEALTH: "warning" });
  await rig.write(296, 8);
  checkEqual("once they are written", await healthOf(rig), GOOD);
  await listener.expect("health", { DM_REMAP_HEALTH: "good" });
}

async function followsLostSectors(bench: Bench): Promise<void> {
  const rig = await bench.rig({ faults: true, features: QUICK });
  await rig.badMain([{ first: 300, count: 100 }]);
  await rig.relocate(300, 100, 100);
  checkEqual("100 lost", await healthOf(rig), "health=degraded score=70 reason=lost:100");
  await rig.write(300, 37);
  checkEqual("63 lost", await healthOf(rig), "health=warning score=90 reason=lost:63");
  await rig.badMain([]);
  await rig.send("clear force");
  checkEqual("none lost", await healthOf(rig), GOOD);
}

async function followsTheSlots(bench: Bench): Promise<void> {
  const rig = await bench.rig({ spareLength: 40, features: ["volatile", "max_remaps", "0"] });
  await rig.relocate(0, 31);
  checkEqual("9 of 40 slots left", await healthOf(rig), GOOD);
  const listener = new Listener(bench.scope, bench.dm, rig.name);
  const steps: [sector: number, count: number, state: string, reply: string][] = [
    [31, 1, "warning", "health=warning score=90 reason=slots_left:20%"],
    [32, 6, "degraded", "health=degraded score=70 reason=slots_left:5%"],
    [38, 2, "critical", "health=critical score=40 reason=slots_left:0%"],
  ];
  for (const [sector, count, state, reply] of steps) {
    await rig.relocate(sector, count);
    checkEqual(`after ${sector + count} of 40 slots`, await healthOf(rig), reply);
    await listener.expect("health", { DM_REMAP_HEALTH: state });
  }
  await rig.send("unmap 0 31");
  checkEqual("9 of 40 in use", await healthOf(rig), GOOD);
  await listener.expect("health", { DM_REMAP_HEALTH: "good" });
}

async function followsTheLimit(bench: Bench): Promise<void> {
  const rig = await bench.rig({ features: ["volatile", "max_remaps", "10"] });
  await rig.relocate(0, 10);
  const used = "health=critical score=40 reason=remaps_left:0%";
  checkEqual("10 of 10", await healthOf(rig), used);
  const params = rig.table.params.replace("max_remaps 10", "max_remaps 1000");
  await swapTable(bench.dm, rig.name, [{ ...rig.table, params }]);
  checkEqual("10 of 1000", await healthOf(rig), GOOD);
}

async function countsBadSlots(bench: Bench): Promise<void> {
  const rig = await bench.rig({ faults: true, features: QUICK });
  await rig.badSpare([{ first: 8, count: 1 }]);
  await rig.relocate(0, 32);
  const bad = rig.status().spareBad;
  checkEqual("a bad slot", await healthOf(rig), `health=warning score=95 reason=bad_slots:${bad}`);
}

async function noticesADeadMain(bench: Bench): Promise<void> {
  const rig = await bench.rig({ faults: true, features: QUICK });
  const listener = new Listener(bench.scope, bench.dm, rig.name);
  await rig.badMain([{ first: 0, count: rig.length }]);
  await checkFails("a read of a dead device", "EIO", () => readSectors(rig.file, 300, 1));
  const { health, reasons } = parseHealth(await healthOf(rig));
  checkEqual("the state", health, "failed");
  checkEqual("the first reason", reasons[0]?.word, "main_dead");
  await listener.expect("health", { DM_REMAP_HEALTH: "failed" });
  await rig.badMain([]);
  // The target asks by itself; what failed is still to be told for an hour.
  await listener.expect("health", { DM_REMAP_HEALTH: "warning" });
  const again = parseHealth(await healthOf(rig)).reasons.map(({ word }) => word);
  checkEqual("the reasons afterwards", again, ["device_errors"]);
  await rig.check("content afterwards");
}

async function countsWritesThatNobodyHeals(bench: Bench): Promise<void> {
  const rig = await bench.rig({ faults: true, features: [...QUICK, "no_auto_remap"] });
  await rig.badMain([{ first: 300, count: 1 }]);
  await checkFails("a write that nobody heals", "EIO", () => rig.write(300, 1));
  checkEqual("relocated", rig.status().remapped, 0n);
  const { reasons } = parseHealth(await healthOf(rig));
  check("the reasons", reasons.some(({ word }) => word === "write_errors"), {
    expected: "write_errors among them",
    seen: reasons,
  });
}

async function wakesWhoWaits(bench: Bench): Promise<void> {
  const rig = await bench.rig({ spareLength: 8, features: ["volatile", "max_remaps", "0"] });
  let seen = bench.dm.info(rig.name)?.eventNr ?? 0n;
  const limit = AbortSignal.timeout(60_000);
  const started = rig.send("remap 0 8");
  // One event for the relocation, one for health; who waits may meet both at once.
  while (rig.status().health !== "critical" || seen === 0n) {
    seen = await bench.dm.waitEvent(rig.name, seen, limit);
  }
  await started;
  checkEqual("the state", rig.status().health, "critical");
}

/** Nothing is told twice, and nothing is forgotten, when a table is loaded. */
async function survivesAReload(bench: Bench): Promise<void> {
  const rig = await bench.rig({ faults: true, features: QUICK });
  await rig.badMain([{ first: 0, count: rig.length }]);
  await checkFails("a read of a dead device", "EIO", () => readSectors(rig.file, 300, 1));
  const listener = new Listener(bench.scope, bench.dm, rig.name);
  await rig.badMain([]);
  await listener.expect("health", { DM_REMAP_HEALTH: "warning" });
  const before = await healthOf(rig);
  await bench.dm.suspend(rig.name);
  checkEqual("while suspended", await healthOf(rig), before);
  await bench.dm.resume(rig.name);
  await swapTable(bench.dm, rig.name, [rig.table]);
  checkEqual("after a suspend and a reload", await healthOf(rig), before);
  await rig.relocate(100, 1);
  await listener.expect("remapped", { DM_REMAP_HEALTH: "warning" });
  const told = listener.heard().filter((each) => each.get("DM_REMAP_EVENT") === "health");
  checkEqual("changes of health that were none", told.length, 0);
}

export const HEALTH_CASES: readonly FunctionalCase[] = [
  { name: "health: good while the device does its work", run: isGoodWhileItDoesItsWork },
  { name: "health: pending sectors, and events for both ways", run: followsPendingSectors },
  { name: "health: lost sectors", run: followsLostSectors },
  { name: "health: slots left, step by step", run: followsTheSlots },
  { name: "health: max_remaps, and a larger one", run: followsTheLimit },
  { name: "health: bad slots", run: countsBadSlots },
  { name: "health: a main device that dies and comes back", run: noticesADeadMain },
  { name: "health: failed writes under no_auto_remap", run: countsWritesThatNobodyHeals },
  { name: "health: who waits for an event wakes", run: wakesWhoWaits },
  { name: "health: suspend and reload keep it", run: survivesAReload },
];
