// SPDX-License-Identifier: GPL-2.0-only
import { unloadModule } from "../../kmod/load.ts";
import { ModuleBusyError } from "../../kmod/errors.ts";
import { moduleState } from "../../kmod/state.ts";
import { TARGET_TYPE } from "../../device/table_line.ts";
import { check, checkEqual, checkFails } from "../check.ts";
import { readCounters } from "../loops.ts";
import { SkipError } from "../stage.ts";
import type { Bench, FunctionalPart } from "./bench.ts";

const QUICK = ["volatile", "retries", "1", "retry_delay_ms", "0"];

async function copiesBack(bench: Bench): Promise<void> {
  const rig = await bench.rig({ mainStart: 256 });
  await rig.relocate(100, 50);
  await rig.write(90, 70);
  checkEqual("unmap of a part", await rig.send("unmap 110 10"), "cleared=10 kept=0");
  await rig.checkMain("what was unmapped", rig.content, 110, 10);
  checkEqual("unmap over main and spare", await rig.send("unmap 90 20"), "cleared=10 kept=0");
  checkEqual("unmap of main", await rig.send("unmap 0 50"), "cleared=0 kept=0");
  await rig.check("content after unmaps");
  checkEqual("unmap beside others", await rig.send("unmap 120 3"), "cleared=3 kept=0");
  await rig.check("what stays on the spare in the same 4 KiB", 123, 5);
  checkEqual("clear", await rig.send("clear"), "cleared=27 kept=0");
  checkEqual("clear of nothing", await rig.send("clear"), "cleared=0 kept=0");
  await rig.checkMain("everything after clear", rig.content);
  checkEqual(
    "the places after clear",
    await rig.send(`verify 0 ${rig.length}`),
    `0 ${rig.length} main`,
  );
}

/** Removed at the end of the case, with its large table in it: some kernels free such trees wrongly. */
async function diesWithManyEntries(bench: Bench): Promise<void> {
  const [entries, batch] = [20_000, 250];
  const disks = await bench.ownDisks({ mainSectors: 2 * entries, spareSectors: 2 * entries });
  const rig = await bench.rig({
    length: 2 * entries,
    spareLength: 2 * entries,
    features: ["volatile", "max_remaps", "0"],
  }, disks);
  for (let first = 0; first < entries; first += batch) {
    const pairs = Array.from({ length: batch }, (_, i) => `${2 * (first + i)} 1`);
    await rig.send(`remap ${pairs.join(" ")}`);
  }
  checkEqual("scattered sectors relocated", rig.status().remapped, BigInt(entries));
}

async function dropsByForce(bench: Bench): Promise<void> {
  const rig = await bench.rig();
  const old = rig.content.copy();
  await rig.relocate(100, 8);
  await rig.relocate(200, 8);
  await rig.write(100, 8);
  await rig.write(200, 8);
  checkEqual("unmap by force", await rig.send("unmap 100 8 force"), "cleared=8 kept=0");
  await old.check("what main held before", rig.file, 100, 8);
  checkEqual("clear by force", await rig.send("clear force"), "cleared=8 kept=0");
  await old.check("what main held before", rig.file, 200, 8);
}

async function keepsWhatMainRefuses(bench: Bench): Promise<void> {
  const rig = await bench.rig({ faults: true, features: QUICK });
  await rig.relocate(96, 32);
  await rig.write(96, 32);
  await rig.badMain([{ first: 100, count: 1 }, { first: 120, count: 2 }]);
  checkEqual("unmap over bad sectors", await rig.send("unmap 96 32"), "cleared=29 kept=3");
  await rig.check("content, some of it still on the spare", 96, 32);
  const kept = (await rig.places(96, 32)).filter(({ place }) => place === "remapped");
  const ranges = kept.map(({ sector, count }) => [sector, count]);
  checkEqual("what stays on the spare", ranges, [[100n, 1n], [120n, 2n]]);
  await rig.badMain([]);
  checkEqual("clear once main is well", await rig.send("clear"), "cleared=3 kept=0");
  await rig.checkMain("everything after clear", rig.content);
}

async function keepsAllOfADeadMain(bench: Bench): Promise<void> {
  const rig = await bench.rig({ faults: true, features: QUICK });
  await rig.relocate(96, 32);
  await rig.badMain([{ first: 0, count: rig.length }]);
  await checkFails("clear onto a main that answers nowhere", "EIO", () => rig.send("clear"));
  checkEqual("relocated afterwards", rig.status().remapped, 32n);
  await rig.check("what the spare keeps", 96, 32);
}

async function freesSlots(bench: Bench): Promise<void> {
  const rig = await bench.rig({ spareLength: 64, features: ["volatile", "max_remaps", "0"] });
  for (let round = 0; round < 5; round++) {
    await rig.relocate(64 * round, 64);
    await rig.write(64 * round, 64);
    checkEqual("clear", await rig.send("clear"), "cleared=64 kept=0");
  }
  checkEqual("slots in use", rig.status().spareUsed, 0n);
  await rig.check("content after the spare was used five times over");
}

async function flushesMain(bench: Bench): Promise<void> {
  const rig = await bench.rig({ fill: false });
  await rig.relocate(0, 64);
  const before = await readCounters(rig.disks.main);
  await rig.send("clear");
  const flushes = (await readCounters(rig.disks.main)).flushes - before.flushes;
  check("what is copied back is durable", flushes >= 1, {
    expected: "at least one flush of main",
    seen: flushes,
  });
}

/** Removed and made again, a volatile device knows of nothing; after clear nothing is missing. */
async function leavesMainWhole(bench: Bench): Promise<void> {
  const rig = await bench.rig({ features: ["volatile", "max_remaps", "0"] });
  for (let first = 0; first < rig.length; first += 100) await rig.relocate(first, 10);
  await rig.write(0, rig.length);
  await rig.send("clear");
  await rig.checkMain("the whole disk after clear", rig.content);
  await rig.check("the whole device after clear");
}

async function staysWhileUsed(bench: Bench): Promise<void> {
  const rig = await bench.rig({ fill: false });
  let seen = "success";
  await unloadModule([]).catch((error: Error) => {
    seen = error instanceof ModuleBusyError ? "busy" : error.message;
  });
  checkEqual("unloading a module with a device", seen, "busy");
  checkEqual("ping afterwards", await rig.send("ping"), "pong");
}

async function unloads(bench: Bench): Promise<void> {
  if (bench.foreignModule) throw new SkipError("the module was loaded before this run: it stays");
  await unloadModule([]);
  checkEqual("the module after the unload", moduleState().loaded, false);
  const versions = bench.dm.versions().filter(({ name }) => name === TARGET_TYPE);
  checkEqual("the target after the unload", versions, []);
}

export const CLEAR_UNLOAD: FunctionalPart = {
  name: "8.5 clear/unload",
  cases: [
    { name: "unmap and clear copy back to main", run: copiesBack },
    { name: "a device with 20,000 entries is removed as it is", run: diesWithManyEntries },
    { name: "by force, main's old content shows again", run: dropsByForce },
    { name: "what main refuses stays on the spare", run: keepsWhatMainRefuses },
    { name: "a main that answers nowhere gets nothing back", run: keepsAllOfADeadMain },
    { name: "freed slots are used again", run: freesSlots },
    { name: "main is flushed before its slots are free", run: flushesMain },
    { name: "main is whole after clear", run: leavesMainWhole },
    { name: "the module stays while a device uses it", run: staysWhileUsed },
    { name: "the module unloads, and its target with it", run: unloads },
  ],
};
