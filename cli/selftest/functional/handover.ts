// SPDX-License-Identifier: GPL-2.0-only
// A new table for a device that has relocated sectors.
import type { TargetSpec } from "../../../ffi/libdevmapper.ts";
import { checkEqual, checkFails } from "../check.ts";
import type { LoopDisk } from "../loops.ts";
import { swapTable, target } from "../mapped.ts";
import { SECTOR } from "../pattern.ts";
import { run } from "../programs.ts";
import { changedTable, reloadUnderLoad } from "../reload.ts";
import type { Bench, FunctionalCase } from "./bench.ts";

async function handsOver(bench: Bench): Promise<void> {
  const rig = await bench.rig({ features: ["volatile", "max_remaps", "100"] });
  await rig.relocate(10, 20);
  await rig.relocate(500, 3);
  await rig.write(0, 100);
  const [places, status] = [await rig.places(), rig.statusLine()];
  await swapTable(bench.dm, rig.name, [rig.table]);
  checkEqual("the places after a reload", await rig.places(), places);
  checkEqual("the status after a reload", rig.statusLine(), status);
  await rig.check("content after a reload");
  await rig.write(0, 600);
  await rig.check("content written after a reload");
}

async function takesNewFeatures(bench: Bench): Promise<void> {
  const rig = await bench.rig({ features: ["volatile", "max_remaps", "25"] });
  await rig.relocate(10, 20);
  await checkFails("6 more where 5 are allowed", "ENOSPC", () => rig.send("remap 100 6"));
  const table = changedTable(rig, (words) => words.splice(-3, 3, "volatile", "max_remaps", "30"));
  await swapTable(bench.dm, rig.name, [table]);
  await rig.relocate(100, 6);
  checkEqual("relocated under both tables", rig.status().remapped, 26n);
  await rig.check("content after the limit was raised");
}

async function refusesAnotherGeometry(bench: Bench): Promise<void> {
  const rig = await bench.rig({ length: 4096, spareLength: 1024 });
  await rig.relocate(10, 20);
  const others: [string, TargetSpec][] = [
    ["another length", { ...rig.table, length: 2048n }],
    ["another main_start", changedTable(rig, (words) => words[1] = "8")],
    ["another spare_start", changedTable(rig, (words) => words[3] = "8")],
    ["another spare_len", changedTable(rig, (words) => words[4] = "512")],
  ];
  for (const [name, table] of others) {
    await checkFails(`a table with ${name}`, "EBUSY", () => bench.dm.reload(rig.name, [table]));
  }
  await rig.check("content after refused tables");
  await rig.send("clear");
  for (const [, table] of others.slice(1)) await swapTable(bench.dm, rig.name, [table]);
  checkEqual("ping after other geometries", await rig.send("ping"), "pong");
}

async function forgetsAnUnusedTable(bench: Bench): Promise<void> {
  const rig = await bench.rig();
  await rig.relocate(10, 20);
  const places = await rig.places();
  await bench.dm.reload(rig.name, [rig.table]);
  await rig.relocate(100, 1);
  await bench.dm.clear(rig.name);
  await rig.send("unmap 100");
  checkEqual("the places after a dropped table", await rig.places(), places);
  await bench.dm.reload(rig.name, [rig.table]);
  await rig.relocate(200, 8);
  await bench.dm.suspend(rig.name);
  await bench.dm.resume(rig.name);
  checkEqual("relocated before and after the load", rig.status().remapped, 28n);
  await rig.check("content after the resume");
}

async function refusesWhatATableCannotKeep(bench: Bench): Promise<void> {
  const rig = await bench.rig({ spareLength: 1024 });
  await bench.dm.reload(rig.name, [changedTable(rig, (words) => words[4] = "512")]);
  await checkFails(
    "a relocation that a loaded table would lose",
    "EBUSY",
    () => rig.send("remap 5"),
  );
  await bench.dm.clear(rig.name);
  await rig.relocate(5, 1);
}

/** Makes a loop device smaller, and gives it its size and content back. */
async function whileShrunk(disk: LoopDisk, bytes: number, work: () => Promise<void>) {
  const link = `/sys/block/${disk.name}/loop/backing_file`;
  const image = (await Deno.readTextFile(link)).trim();
  const content = await Deno.readFile(image);
  await Deno.truncate(image, bytes);
  await run("losetup", ["--set-capacity", disk.path]);
  try {
    await work();
  } finally {
    await Deno.writeFile(image, content);
    await run("losetup", ["--set-capacity", disk.path]);
  }
}

const withoutLastBlock = ({ sectors, blockSize }: LoopDisk) => sectors * SECTOR - blockSize;

/** The device mapper destroys the old table even if the new one could not be resumed. */
async function outlivesAFailedResume(bench: Bench): Promise<void> {
  const rig = await bench.rig();
  await rig.relocate(10, 20);
  await rig.write(0, 64);
  const places = await rig.places();
  const { main, spare } = rig.disks;
  const shrunk: [string, LoopDisk, number][] = [
    ["a main without size", main, 0],
    ["a main without its last block", main, withoutLastBlock(main)],
    ["a spare without its last block", spare, withoutLastBlock(spare)],
  ];
  for (const [what, disk, bytes] of shrunk) {
    await bench.dm.suspend(rig.name);
    await bench.dm.reload(rig.name, [rig.table]);
    await whileShrunk(disk, bytes, async () => {
      await checkFails(`a resume over ${what}`, "EINVAL", () => bench.dm.resume(rig.name));
    });
    await bench.dm.reload(rig.name, [rig.table]);
    await bench.dm.resume(rig.name);
    checkEqual(`the places after a resume over ${what}`, await rig.places(), places);
  }
  await rig.check("content after failed resumes");
}

async function handsOverUnderLoad(bench: Bench): Promise<void> {
  const rig = await bench.rig({ length: 2048 });
  await rig.relocate(100, 200);
  await reloadUnderLoad(bench.dm, rig, { writers: 4, rounds: 8 });
}

/** The way to take the layer away while a file system is mounted: clear, then a linear table. */
async function givesWayToLinear(bench: Bench): Promise<void> {
  const rig = await bench.rig();
  await rig.relocate(10, 20);
  await rig.write(0, 64);
  await rig.send("clear");
  await swapTable(bench.dm, rig.name, [
    target("linear", 0, rig.length, `${rig.disks.main.path} 0`),
  ]);
  await rig.check("content of the linear device that took its place");
  await swapTable(bench.dm, rig.name, [rig.table]);
  checkEqual("relocated after its return", rig.status().remapped, 0n);
  await rig.check("content after its return");
}

export const HANDOVER_CASES: readonly FunctionalCase[] = [
  { name: "a reload hands the relocations over", run: handsOver },
  { name: "a reload takes new features", run: takesNewFeatures },
  { name: "a reload with another geometry: EBUSY", run: refusesAnotherGeometry },
  { name: "a table that is dropped takes nothing along", run: forgetsAnUnusedTable },
  { name: "no relocation that a loaded table could not keep", run: refusesWhatATableCannotKeep },
  { name: "a failed first resume loses nothing", run: outlivesAFailedResume },
  { name: "reloads under writes and relocations", run: handsOverUnderLoad },
  { name: "a linear table takes over after clear", run: givesWayToLinear },
];
