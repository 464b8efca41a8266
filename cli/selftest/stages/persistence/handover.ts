// SPDX-License-Identifier: GPL-2.0-only
// Reloads, suspends, `save` and `restore`: the same table under a device that lives on.
import type { TargetSpec } from "../../../../ffi/libdevmapper.ts";
import { type Extent } from "../../../metadata/extent.ts";
import { MemoryImage } from "../../../metadata/image.ts";
import { loadMetadata } from "../../../metadata/load.ts";
import { writeMetadata } from "../../../metadata/write.ts";
import { check, checkEqual, CheckError, checkFails, codeOf } from "../../check.ts";
import { swapTable } from "../../mapped.ts";
import { makeSectors } from "../../pattern.ts";
import { changedTable, reloadUnderLoad } from "../../reload.ts";
import { readStat } from "../errors/promises.ts";
import { checkCounts, write } from "../errors/requests.ts";
import { type Pair, type PersistenceBench, type PersistencePart } from "./bench.ts";
import { checkContent, checkEverything, meetEverything } from "./everything.ts";
import { layoutOn, liveView } from "./view.ts";

async function reloadsTheSameLine(bench: PersistenceBench): Promise<void> {
  const pair = await bench.pair();
  const image = await bench.life(pair, async (rig) => {
    await meetEverything(rig, pair);
    const before = await liveView(rig);
    for (let round = 0; round < 3; round++) {
      await swapTable(bench.dm, rig.name, [rig.table]);
      checkEqual("the table after a reload", await liveView(rig), before);
    }
    await rig.relocate(900, 2);
    await write(rig, 896, 8);
    await checkContent("content after reloads", rig);
    return await bench.crash(pair);
  });
  await bench.life(await bench.revive(image), async (rig) => {
    checkEqual("relocated before and after the reload", rig.status().remapped, 12n);
    await checkContent("content after reloads and a crash", rig);
  });
}

async function reloadsOtherFeatures(bench: PersistenceBench): Promise<void> {
  const pair = await bench.pair();
  await bench.life(pair, async (rig) => {
    await rig.relocate(10, 20);
    const table = changedTable(rig, (words) => words.splice(-5, 5, "2", "max_remaps", "25"));
    await swapTable(bench.dm, rig.name, [table]);
    await checkFails("6 more where 5 are allowed", "ENOSPC", () => rig.send("remap 100 6"));
    await rig.relocate(100, 5);
  });
  await bench.life(pair, async (rig) => {
    checkCounts("relocated under both tables", rig, { remapped: 25 });
    await rig.check("content written under both tables");
  });
}

async function reloadsUnderLoad(bench: PersistenceBench): Promise<void> {
  const pair = await bench.pair();
  const image = await bench.life(pair, async (rig) => {
    await rig.relocate(100, 200);
    await reloadUnderLoad(bench.dm, rig, { writers: 3, rounds: 6 });
    return { image: await bench.crash(pair), view: await liveView(rig) };
  });
  await bench.life(await bench.revive(image.image), async (rig) => {
    checkEqual("the table after the crash", await liveView(rig), image.view);
    await rig.check("content after the crash");
  });
}

/** Refused when it is loaded or when it is resumed; either way the old line still works. */
async function refusesAnotherGeometry(bench: PersistenceBench): Promise<void> {
  const pair = await bench.pair();
  await bench.life(pair, async (rig) => {
    await rig.relocate(10, 20);
    const before = await liveView(rig);
    const others: [string, TargetSpec][] = [
      ["another length", { ...rig.table, length: 1024n }],
      ["another main_start", changedTable(rig, (words) => words[1] = "8")],
      ["another spare_len", changedTable(rig, (words) => words[4] = "512")],
      ["volatile", changedTable(rig, (words) => words.splice(5, 1, "5", "volatile"))],
    ];
    for (const [name, table] of others) {
      await checkRefused(`a table with ${name}`, () => swapTable(bench.dm, rig.name, [table]));
      await swapTable(bench.dm, rig.name, [rig.table]);
      checkEqual(`the table after one with ${name}`, await liveView(rig), before);
    }
    await rig.check("content after refused tables");
  });
}

async function checkRefused(what: string, action: () => Promise<unknown>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (codeOf(error) !== undefined) return;
    throw error;
  }
  throw new CheckError(what, "refused", "taken");
}

async function suspends(bench: PersistenceBench): Promise<void> {
  const pair = await bench.pair();
  await bench.life(pair, async (rig) => {
    await meetEverything(rig, pair);
    const before = await liveView(rig);
    await bench.dm.suspend(rig.name);
    const { journalUsed } = await bench.metadata(pair);
    checkEqual("blocks in the journal of a suspended device", journalUsed, 0);
    checkEqual("the spare's table, suspended", await bench.view(pair), before);
    await bench.dm.resume(rig.name);
    checkEqual("the table after a suspend", await liveView(rig), before);
    checkEverything("after a suspend", before);
    await rig.relocate(900, 2);
    await checkContent("content after a suspend", rig);
  });
}

async function saves(bench: PersistenceBench): Promise<void> {
  const pair = await bench.pair();
  await bench.life(pair, async (rig) => {
    await rig.relocate(10, 20);
    const generation = await readStat(rig, "generation");
    checkEqual("save", await rig.send("save"), `saved=${generation + 1}`);
    checkEqual("generation", await readStat(rig, "generation"), generation + 1);
    checkEqual("journal_used", await readStat(rig, "journal_used"), 0);
    const metadata = await bench.metadata(pair);
    checkEqual("the superblock's generation", metadata.generation, generation + 1);
    checkEqual("blocks in the journal", metadata.journalUsed, 0);
    await rig.relocate(100, 1);
    checkEqual("journal_used after one more", await readStat(rig, "journal_used"), 1);
    for (let more = 2; more < 6; more++) {
      checkEqual("save again", await rig.send("save"), `saved=${generation + more}`);
    }
  });
  await bench.life(pair, (rig) => rig.check("content after saves"));
}

/** While the device is suspended somebody writes other metadata: one run less, one more. */
async function restores(bench: PersistenceBench): Promise<void> {
  const pair = await bench.pair();
  await bench.life(pair, async (rig) => {
    await rig.relocate(10, 3);
    await rig.relocate(50, 2);
    await checkRefused("restore while I/O flows", () => rig.send("restore"));
    await bench.dm.suspend(rig.name);
    await change(bench, pair, (extents) => [
      ...extents.filter(({ first }) => first !== 10),
      {
        first: 200,
        length: 4,
        slot: layoutOn(pair.spare.sectors, 512).slotsStart + 64,
        state: "remapped",
      },
    ]);
    await writeSlots(bench, pair, 200, 4, 64);
    checkEqual("restore", await rig.send("restore"), "restored=6");
    await bench.dm.resume(rig.name);
    const { slotsStart } = layoutOn(pair.spare.sectors, 512);
    checkEqual(
      "the table that was restored",
      (await liveView(rig)).places.filter((each) => !each.startsWith("50+")),
      [`200+4 remapped ${slotsStart + 64}`],
    );
    await rig.check("content after a restore");
    await rig.relocate(300, 40);
    await write(rig, 190, 160);
    await rig.check("content relocated after a restore");
  });
  await bench.life(pair, async (rig) => {
    checkCounts("in the next life", rig, { remapped: 46 });
    await rig.check("content in the next life");
  });
}

/** Rewrites the metadata of a spare that nobody uses just now. */
async function change(
  bench: PersistenceBench,
  pair: Pair,
  edit: (extents: Extent[]) => Extent[],
): Promise<void> {
  const image = new MemoryImage(await bench.read(pair.raw.spare));
  const { superblock, extents } = await Promise.resolve(loadMetadata(image)).then((metadata) => ({
    superblock: metadata.superblock,
    extents: [...metadata.extents()],
  }));
  const changed = edit(extents).sort((a, b) => a.first - b.first);
  writeMetadata(image, superblock, changed);
  await bench.write(pair.raw.spare, image.read(0, image.sizeBytes));
}

/** What a slot holds for a sector is what the content says. */
async function writeSlots(
  bench: PersistenceBench,
  pair: Pair,
  first: number,
  count: number,
  slot: number,
): Promise<void> {
  const bytes = makeSectors(first, count, pair.content.generation(first));
  await bench.write(pair.raw.spare, bytes, layoutOn(pair.spare.sectors, 512).slotsStart + slot);
}

async function restoresNothingBroken(bench: PersistenceBench): Promise<void> {
  const pair = await bench.pair();
  await bench.life(pair, async (rig) => {
    await rig.relocate(10, 3);
    const before = await liveView(rig);
    await bench.dm.suspend(rig.name);
    const sound = await bench.read(pair.raw.spare, 0, 16);
    await bench.write(pair.raw.spare, new Uint8Array(8192).fill(0xa5));
    await checkRefused("restore without a superblock", () => rig.send("restore"));
    await bench.write(pair.raw.spare, sound);
    checkEqual("restore of sound metadata", await rig.send("restore"), "restored=3");
    await bench.dm.resume(rig.name);
    checkEqual("the table", await liveView(rig), before);
    await rig.check("content");
  });
}

async function leavesVolatileAlone(bench: PersistenceBench): Promise<void> {
  const pair = await bench.pair();
  const features = ["volatile", "retries", "1", "retry_delay_ms", "0"];
  await bench.life(pair, async (rig) => {
    checkEqual("slots", rig.status().spareTotal, BigInt(pair.spare.sectors));
    await checkRefused("save", () => rig.send("save"));
    await bench.dm.suspend(rig.name);
    await checkRefused("restore", () => rig.send("restore"));
    await bench.dm.resume(rig.name);
    await rig.relocate(10, 3);
  }, { features, unsaved: true });
  const spare = await bench.read(pair.raw.spare);
  const written = spare.subarray(64 * 512).some((byte) => byte !== 0);
  check("the spare behind its first sectors", !written, { expected: "zeroes", seen: "bytes" });
  await bench.life(pair, async (rig) => {
    checkCounts("after a removal", rig, { remapped: 0, spareUsed: 0 });
    await rig.check("content, which main never lost");
  }, { features, unsaved: true });
}

export const HANDOVER: PersistencePart = {
  name: "3 reload, suspend, save, restore",
  cases: [
    { name: "promise 4: a reload of the same line hands over", run: reloadsTheSameLine },
    { name: "a reload takes new features", run: reloadsOtherFeatures },
    { name: "promise 1: reloads under writes and relocations", run: reloadsUnderLoad },
    {
      name: "promise 4: a reload that would lose the table is refused",
      run: refusesAnotherGeometry,
    },
    { name: "promise 6: a suspended device's spare says all of it", run: suspends },
    { name: "save makes a checkpoint", run: saves },
    { name: "restore takes what was changed meanwhile", run: restores },
    { name: "promise 10: restore of damaged metadata is refused", run: restoresNothingBroken },
    { name: "volatile devices keep nothing", run: leavesVolatileAlone },
  ],
};
