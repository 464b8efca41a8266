// SPDX-License-Identifier: GPL-2.0-only
// Whoever watches is told, and a flush that fails is an error.
import { checkEqual, checkFails } from "../../check.ts";
import { Listener } from "../../listener.ts";
import { type ErrorsBench, type ErrorsPart, type FaultRig, QUICK } from "./bench.ts";
import { checkCounts, readFails, slotOf, UNTOUCHED, write, writeFails } from "./requests.ts";

async function listenTo(bench: ErrorsBench, parts: Promise<FaultRig>) {
  const { rig, main, spare } = await parts;
  return { rig, main, spare, listener: new Listener(bench.scope, bench.dm, rig.name) };
}

async function tellsOfRelocations(bench: ErrorsBench): Promise<void> {
  const { rig, main, listener } = await listenTo(bench, bench.rig());
  await main.fail([{ first: 300, count: 1 }]);
  await write(rig, 296, 8);
  await listener.expect("remapped", { DM_REMAP_SECTOR: "300", DM_REMAP_COUNT: "1" });
}

async function tellsOfPending(bench: ErrorsBench): Promise<void> {
  const { rig, main, listener } = await listenTo(bench, bench.rig());
  await main.fail([{ first: 300, count: 1 }]);
  await readFails(rig, 296, 8);
  await listener.expect("pending", { DM_REMAP_SECTOR: "300", DM_REMAP_COUNT: "1" });
  await main.heal();
  await rig.check("everything");
  await listener.expect("recovered", { DM_REMAP_SECTOR: "300", DM_REMAP_COUNT: "1" });
}

async function tellsOfTheSpare(bench: ErrorsBench): Promise<void> {
  const { rig, main, spare, listener } = await listenTo(bench, bench.rig());
  await main.fail([{ first: 300, count: 1 }]);
  await write(rig, 300, 1);
  await listener.expect("remapped");
  const slot = await slotOf(rig, 300);
  await spare.fail([{ first: slot, count: 1 }]);
  await write(rig, 300, 1);
  await listener.expect("bad_slot", { DM_REMAP_SECTOR: `${slot}`, DM_REMAP_COUNT: "1" });
}

async function tellsOfFailures(bench: ErrorsBench): Promise<void> {
  const features = [...QUICK, "max_remaps", "1"];
  const { rig, main, listener } = await listenTo(bench, bench.rig({ features }));
  await main.fail([{ first: 300, count: 2 }]);
  await write(rig, 300, 1);
  await listener.expect("remapped");
  await writeFails(rig, 301, 1);
  await listener.expect("failed", { DM_REMAP_SECTOR: "301", DM_REMAP_COUNT: "1" });
}

async function tellsOfDevices(bench: ErrorsBench): Promise<void> {
  const { rig, main, listener } = await listenTo(bench, bench.rig());
  await main.die();
  await writeFails(rig, 300, 1);
  await listener.expect("device");
  await main.heal();
  await write(rig, 300, 1);
  await rig.check("everything");
  await listener.expect("device");
}

/** dm-flakey refuses writes, and flushes with them. */
async function passesFlushErrors(bench: ErrorsBench): Promise<void> {
  const { rig, main, spare } = await bench.rig();
  for (const [name, disk] of [["main", main], ["the spare", spare]] as const) {
    await rig.file.flush();
    await disk.die("writes");
    await checkFails(`a flush that ${name} refuses`, "EIO", () => rig.file.flush());
    checkCounts(`after a flush that ${name} refused`, rig, UNTOUCHED);
    await disk.heal();
    await rig.file.flush();
  }
  await rig.check("everything");
  checkEqual("the sectors in use", rig.status().spareUsed, 0n);
}

/** A disk that takes all writes for granted loses data that nobody could have known about. */
async function losesWhatTheDiskDrops(bench: ErrorsBench): Promise<void> {
  const { rig, main } = await bench.rig();
  const old = rig.content.copy();
  await main.die("dropped writes");
  await write(rig, 300, 8);
  await main.heal();
  rig.content.set(300, 8, old.generation(300));
  await rig.check("what the disk had before it dropped the write");
  checkCounts("after a write that was dropped", rig, UNTOUCHED);
}

export const NEWS: ErrorsPart = {
  name: "11 events and flushes",
  cases: [
    { name: "relocations raise an event and a uevent", run: tellsOfRelocations },
    { name: "pending and recovered sectors do", run: tellsOfPending },
    { name: "bad slots do", run: tellsOfTheSpare },
    { name: "sectors that could not be relocated do", run: tellsOfFailures },
    { name: "disks that die and come back do", run: tellsOfDevices },
    { name: "promise 9: an error of a flush comes back", run: passesFlushErrors },
    { name: "writes that the disk drops use no slot", run: losesWhatTheDiskDrops },
  ],
};
