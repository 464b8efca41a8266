// SPDX-License-Identifier: GPL-2.0-only
// What a power cut leaves: a copy of both disks, taken while the device lives, and its next life.
import { BLOCK_ENTRIES, BLOCK_SECTORS, BLOCK_SIZE } from "../../../metadata/format.ts";
import { check, checkEqual } from "../../check.ts";
import { readCounters } from "../../loops.ts";
import type { Rig } from "../../rig.ts";
import { together } from "../../tasks.ts";
import { pause } from "../errors/here.ts";
import { readStat } from "../errors/promises.ts";
import { checkCounts, readFails, write } from "../errors/requests.ts";
import type { CrashImage, PersistenceBench, PersistencePart } from "./bench.ts";
import { RING_BLOCKS } from "./bench.ts";
import { checkContent, checkEverything, meetEverything } from "./everything.ts";
import { layoutOn, liveView, metadataIn, type TableView, viewIn } from "./view.ts";

/** A crash image with the table that was acknowledged when it was taken. */
interface Moment {
  readonly image: CrashImage;
  readonly view: TableView;
}

async function moment(bench: PersistenceBench, pair: Parameters<typeof bench.crash>[0], rig: Rig) {
  return { image: await bench.crash(pair), view: await liveView(rig) };
}

/** A device that met everything, and was never removed. */
async function crashedWithEverything(bench: PersistenceBench): Promise<Moment> {
  const pair = await bench.pair();
  return await bench.life(pair, async (rig) => {
    await rig.send("save");
    await meetEverything(rig, pair);
    return await moment(bench, pair, rig);
  });
}

async function replaysTheJournal(bench: PersistenceBench): Promise<void> {
  const { image, view } = await crashedWithEverything(bench);
  checkEverything("before the crash", view);
  const pair = await bench.revive(image);
  const metadata = await bench.metadata(pair);
  check("blocks of the journal that wait to be replayed", metadata.journalUsed > 0, {
    expected: "some",
    seen: metadata.journalUsed,
  });
  await bench.life(pair, async (rig) => {
    checkEqual("the table after the crash", await liveView(rig), view);
    await checkContent("content after the crash", rig);
    await rig.relocate(900, 8);
    await write(rig, 896, 16);
    await rig.check("what is relocated after the crash", 896, 16);
  });
}

/** A crash right after the replay, again and again: the table stays what it is. */
async function replaysTwice(bench: PersistenceBench): Promise<void> {
  const first = await crashedWithEverything(bench);
  let image = first.image;
  for (let crash = 1; crash <= 2; crash++) {
    const pair = await bench.revive(image);
    image = await bench.life(pair, async (rig) => {
      checkEqual(`the table after crash ${crash}`, await liveView(rig), first.view);
      return await bench.crash(pair);
    });
    checkEqual(`the spare's table after crash ${crash}`, viewIn(image.spare), first.view);
  }
  const pair = await bench.revive(image);
  await bench.life(pair, (rig) => checkContent("content after three lives", rig));
}

/** Where a kernel looks at what a commit left; the tool looks everywhere. */
const AROUND_THE_RING = [RING_BLOCKS - 2, RING_BLOCKS - 1, RING_BLOCKS, 3 * RING_BLOCKS - 1];

/** More commits than the ring has blocks, and a crash behind each of them. */
async function outlivesEachCommit(bench: PersistenceBench): Promise<void> {
  const pair = await bench.pair();
  const moments: Moment[] = [];
  await bench.life(pair, async (rig) => {
    await pair.main.fail([{ first: 1000, count: 64 }]);
    const steps = [
      (at: number) => rig.relocate(2 * at, 1),
      (at: number) => write(rig, 1000 + at, 1),
      (at: number) => readFails(rig, 1032 + at, 1),
      (at: number) => rig.send(`unmap ${2 * (at - 3)}`).then(() => {}),
    ];
    for (let commit = 0; commit < 3 * RING_BLOCKS; commit++) {
      await steps[commit % steps.length]!(commit);
      moments.push(await moment(bench, pair, rig));
    }
    const checkpoints = await readStat(rig, "checkpoints");
    check("checkpoints, because the ring was full", checkpoints >= 2, {
      expected: "at least 2",
      seen: checkpoints,
    });
    await pair.main.heal();
  });
  for (const [commit, { image, view }] of moments.entries()) {
    checkEqual(`the spare's table behind commit ${commit}`, viewIn(image.spare), view);
    if (!AROUND_THE_RING.includes(commit)) continue;
    await bench.life(await bench.revive(image), async (rig) => {
      checkEqual(`the table behind commit ${commit}`, await liveView(rig), view);
      await rig.check(`content behind commit ${commit}`);
    });
  }
}

/** Nothing is acknowledged before the spare has it. */
async function waitsForTheSpare(bench: PersistenceBench): Promise<void> {
  const pair = await bench.pair();
  const [before, after] = await bench.life(pair, async (rig) => {
    await pair.main.fail([{ first: 300, count: 1 }]);
    const view = await liveView(rig);
    await bench.dm.suspend(pair.spare.mapped);
    let done = false;
    const writing = write(rig, 300, 1).then(() => done = true);
    writing.catch(() => {});
    let image: CrashImage;
    try {
      await pause(300);
      checkEqual("a write whose slot cannot be written yet is acknowledged", done, false);
      image = await bench.crash(pair);
    } finally {
      await bench.dm.resume(pair.spare.mapped);
    }
    await writing;
    await pair.main.heal();
    return [{ image, view }, await moment(bench, pair, rig)] as const;
  });
  checkEqual("the table without it", viewIn(before.image.spare), before.view);
  const acknowledged = await bench.revive(after.image);
  await bench.life(acknowledged, async (rig) => {
    checkCounts("with it", rig, { remapped: 1 });
    await rig.check("content with it");
  });
}

/** Many at once share a journal block, and none of them is left out. */
async function commitsTogether(bench: PersistenceBench): Promise<void> {
  const pair = await bench.pair();
  const { image, view } = await bench.life(pair, async (rig) => {
    await pair.main.fail([{ first: 512, count: 512 }]);
    await together(Array.from({ length: 32 }, (_, index) => write(rig, 512 + 16 * index, 4)));
    await pair.main.heal();
    return await moment(bench, pair, rig);
  });
  checkEqual("relocated", view.remapped, 32 * 4);
  await bench.life(await bench.revive(image), async (rig) => {
    checkEqual("the table after the crash", await liveView(rig), view);
    await rig.check("content after the crash");
  });
}

/** The cut came while a journal block was written: half of it is there. */
async function dropsATornTail(bench: PersistenceBench): Promise<void> {
  const pair = await bench.pair();
  const { image, view } = await bench.life(pair, async (rig) => {
    await rig.send("save");
    await rig.relocate(10, 3);
    const view = await liveView(rig);
    await rig.relocate(20, 100);
    return { image: await bench.crash(pair), view };
  });
  const { journalUsed } = metadataIn(image.spare);
  const { journalStart } = layoutOn(pair.spare.sectors, 512);
  const torn = image.spare.slice();
  const at = (journalStart + journalUsed - 1) * BLOCK_SIZE;
  torn.fill(0, at + 64 + 4, at + BLOCK_SECTORS * 512);
  await bench.life(await bench.revive({ ...image, spare: torn }), async (rig) => {
    checkEqual("the table without the torn block", await liveView(rig), view);
    await rig.check("content without the torn block");
    await rig.relocate(30, 2);
  });
}

/** As the disk counts it: two steps, and neither may be in its cache when the next one begins. */
async function flushesEachStep(bench: PersistenceBench): Promise<void> {
  const pair = await bench.pair();
  await bench.life(pair, async (rig) => {
    const flushes = async (what: string, action: () => Promise<unknown>) => {
      const before = await readCounters(pair.raw.spare);
      await action();
      const after = await readCounters(pair.raw.spare);
      const seen = after.flushes - before.flushes;
      check(`flushes of ${what}`, seen >= 2, { expected: "2 or more", seen });
    };
    await rig.send("save");
    await flushes("a relocation: its data, its record", () => rig.relocate(10, 3));
    await flushes("a checkpoint: the table, its superblock", () => rig.send("save"));
  });
}

/** A transaction of two blocks of which a crash has left the first: it never counts, whatever follows. */
async function dropsHalfATransaction(bench: PersistenceBench): Promise<void> {
  const pair = await bench.pair();
  const ranges = Array.from({ length: BLOCK_ENTRIES + 20 }, (_, at) => `${2 * at} 1`);
  const { image, view } = await bench.life(pair, async (rig) => {
    await rig.send("save");
    await rig.relocate(1500, 3);
    const view = await liveView(rig);
    await rig.send(`remap ${ranges.join(" ")}`);
    return { image: await bench.crash(pair), view };
  });
  const { journalUsed } = metadataIn(image.spare);
  checkEqual("blocks in the journal", journalUsed, 3);
  const { journalStart } = layoutOn(pair.spare.sectors, 512);
  const half = image.spare.slice();
  half.fill(0, (journalStart + 2) * BLOCK_SIZE, (journalStart + 3) * BLOCK_SIZE);
  const revived = await bench.revive({ ...image, spare: half });
  const again = await bench.life(revived, async (rig) => {
    checkEqual("the table without half of it", await liveView(rig), view);
    await rig.relocate(1600, 2);
    return await moment(bench, revived, rig);
  });
  await bench.life(await bench.revive(again.image), async (rig) => {
    checkEqual("the table after another crash", await liveView(rig), again.view);
    await rig.check("content after another crash");
  });
}

/** A slot that was freed, taken again, and freed: a crash in between gives nobody's data to others. */
async function keepsSlotsApart(bench: PersistenceBench): Promise<void> {
  const pair = await bench.pair();
  const moments = await bench.life(pair, async (rig) => {
    const moments: Moment[] = [];
    for (let round = 0; round < 2; round++) {
      await rig.relocate(100, 16);
      await write(rig, 100, 16);
      moments.push(await moment(bench, pair, rig));
      checkEqual("unmap", await rig.send("unmap 100 16"), "cleared=16 kept=0");
      await rig.relocate(200 + 16 * round, 16);
      await write(rig, 200 + 16 * round, 16);
      moments.push(await moment(bench, pair, rig));
    }
    return moments;
  });
  for (const { image, view } of moments) {
    await bench.life(await bench.revive(image), async (rig) => {
      checkEqual("the table after the crash", await liveView(rig), view);
      await rig.check("content after the crash");
    });
  }
}

/** The device below goes away under a living target; what was flushed counts. */
async function outlivesADeadSpare(bench: PersistenceBench): Promise<void> {
  const pair = await bench.pair();
  const image = await bench.life(pair, async (rig) => {
    await rig.relocate(10, 3);
    await write(rig, 8, 8);
    const image = await bench.crash(pair);
    await pair.spare.die();
    return image;
  }, { unsaved: true });
  await pair.spare.heal();
  checkEqual(
    "the spare after a removal that could not write",
    await bench.view(pair),
    viewIn(image.spare),
  );
  await bench.life(pair, async (rig) => {
    checkCounts("in the next life", rig, { remapped: 3 });
    await rig.check("content in the next life");
  });
}

export const CRASHES: PersistencePart = {
  name: "2 crashes",
  cases: [
    { name: "promise 4: all that was acknowledged is replayed", run: replaysTheJournal },
    { name: "promise 10: crashes after the replay change nothing", run: replaysTwice },
    { name: "promise 4: a crash behind each commit, around the ring", run: outlivesEachCommit },
    { name: "promise 4: no acknowledgement before the spare has it", run: waitsForTheSpare },
    { name: "promise 4: each step of a commit is flushed", run: flushesEachStep },
    { name: "promise 1: writes that were relocated together", run: commitsTogether },
    { name: "promise 10: half of a journal block counts as none", run: dropsATornTail },
    { name: "promise 10: half of a transaction never counts", run: dropsHalfATransaction },
    { name: "promise 5: slots that are freed and taken again", run: keepsSlotsApart },
    { name: "promise 10: a removal that cannot write leaves the journal", run: outlivesADeadSpare },
  ],
};
