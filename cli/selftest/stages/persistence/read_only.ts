// SPDX-License-Identifier: GPL-2.0-only
// A spare whose metadata cannot be written any more: loud, for good, and nothing is lost by it.
import { check, checkEqual, checkFails, checkMatch } from "../../check.ts";
import { newGeneration, position, readSectors } from "../../content.ts";
import { Listener } from "../../listener.ts";
import { makeSectors } from "../../pattern.ts";
import type { Rig } from "../../rig.ts";
import type { BadRange } from "../errors/segments.ts";
import { until } from "../errors/here.ts";
import { readStat } from "../errors/promises.ts";
import { checkCounts, write } from "../errors/requests.ts";
import type { FaultyPair, PersistenceBench, PersistencePart } from "./bench.ts";
import { layoutOn, liveView } from "./view.ts";

/** Everything before the slots, or the ring alone, refuses writes. */
function metadataOf({ spare }: FaultyPair): BadRange {
  return { first: 0, count: layoutOn(spare.sectors, 512).slotsStart };
}

function ringOf({ spare }: FaultyPair): BadRange {
  const { journalStart, journalBlocks } = layoutOn(spare.sectors, 512);
  return { first: journalStart * 8, count: journalBlocks * 8 };
}

interface Doubtful {
  readonly rig: Rig;
  readonly pair: FaultyPair;
  readonly listener: Listener;
}

/** Sectors 96 to 111 are relocated, 300 is bad, and the metadata cannot be written. */
async function inReadOnlyMode(
  bench: PersistenceBench,
  body: (doubtful: Doubtful) => Promise<void>,
): Promise<FaultyPair> {
  const pair = await bench.pair();
  await bench.life(pair, async (rig) => {
    await rig.relocate(96, 16);
    await pair.main.fail([{ first: 300, count: 1 }]);
    const listener = new Listener(bench.scope, bench.dm, rig.name);
    await pair.spare.fail([metadataOf(pair)]);
    const generation = newGeneration();
    await checkFails("a write that has to be relocated", "EIO", () => {
      return rig.file.write(position(300), makeSectors(300, 1, generation));
    });
    await body({ rig, pair, listener });
  }, { unsaved: true });
  await pair.spare.heal();
  return pair;
}

async function isLoud(bench: PersistenceBench): Promise<void> {
  await inReadOnlyMode(bench, async ({ rig, listener }) => {
    await listener.expect("metadata");
    checkEqual("mode", rig.status().mode, "ro");
    await until("health is critical", () => /^(critical|failed)$/.test(rig.status().health));
    checkMatch("the reason", await rig.send("health"), /metadata/);
    const errors = await readStat(rig, "metadata_errors");
    check("metadata_errors", errors >= 1, { expected: "at least 1", seen: errors });
  });
}

async function servesWhatThereIs(bench: PersistenceBench): Promise<void> {
  await inReadOnlyMode(bench, async ({ rig }) => {
    const view = await liveView(rig);
    await rig.check("everything before the sector in doubt", 0, 300);
    await write(rig, 90, 30);
    await rig.file.flush();
    await rig.check("what is relocated, written again", 90, 30);
    await write(rig, 301, 200);
    await rig.check("healthy sectors", 301, 500);
    checkEqual("the table", await liveView(rig), view);
  });
}

async function relocatesNothingMore(bench: PersistenceBench): Promise<void> {
  await inReadOnlyMode(bench, async ({ rig, pair }) => {
    const refused = async (when: string) => {
      await checkFails(`a relocation by hand ${when}`, "EROFS", () => rig.send("remap 500"));
      await checkFails(`a move back ${when}`, "EROFS", () => rig.send("unmap 96"));
      await checkFails(`a write of a bad sector ${when}`, "EIO", () => {
        return rig.file.write(position(300), makeSectors(300, 1, newGeneration()));
      });
      checkCounts(when, rig, { remapped: 16, pending: 0 });
    };
    await refused("while the metadata cannot be written");
    await pair.spare.heal();
    await refused("once they could be written again");
    checkEqual("mode", rig.status().mode, "ro");
  });
}

/** Nobody knows whether the journal block has reached the spare: no write may go to main any more. */
async function keepsDoubtfulSectors(bench: PersistenceBench): Promise<void> {
  await inReadOnlyMode(bench, async ({ rig, pair }) => {
    await pair.main.heal();
    await checkFails("a write of a sector in doubt", "EIO", () => {
      return rig.file.write(position(300), makeSectors(300, 1, newGeneration()));
    });
    await readSectors(rig.file, 300, 1);
    await write(rig, 299, 1);
    await write(rig, 301, 1);
    await rig.check("its neighbours", 290, 10);
    await rig.check("its neighbours", 301, 10);
  });
}

async function comesBackByRestore(bench: PersistenceBench): Promise<void> {
  const pair = await inReadOnlyMode(bench, async ({ rig, pair }) => {
    await pair.spare.heal();
    await bench.dm.suspend(rig.name);
    checkEqual("restore", await rig.send("restore"), "restored=16");
    await bench.dm.resume(rig.name);
    checkEqual("mode", rig.status().mode, "rw");
    await write(rig, 300, 1);
    await write(rig, 90, 30);
    await rig.relocate(500, 2);
    checkCounts("after the way back", rig, { remapped: 19 });
    await rig.check("everything after the way back");
  });
  await bench.life(pair, async (rig) => {
    checkCounts("in the next life", rig, { remapped: 19 });
    await rig.check("content in the next life");
  });
}

async function comesBackByANewLife(bench: PersistenceBench): Promise<void> {
  const pair = await inReadOnlyMode(bench, async ({ rig }) => {
    await write(rig, 90, 30);
  });
  await bench.life(pair, async (rig) => {
    checkEqual("mode", rig.status().mode, "rw");
    checkCounts("in the next life", rig, { remapped: 16 });
    await rig.check("before the bad sector", 0, 300);
    await rig.check("behind the bad sector", 301, 500);
    await write(rig, 300, 1);
    await rig.check("everything in the next life");
  });
}

/** The ring cannot be written, but a checkpoint can. */
async function makesACheckpointInstead(bench: PersistenceBench): Promise<void> {
  const pair = await bench.pair();
  const crash = await bench.life(pair, async (rig) => {
    await pair.main.fail([{ first: 300, count: 2 }]);
    await pair.spare.fail([ringOf(pair)]);
    const generation = await readStat(rig, "generation");
    await write(rig, 300, 1);
    checkEqual("mode", rig.status().mode, "rw");
    const now = await readStat(rig, "generation");
    check("generation", now > generation, { expected: `more than ${generation}`, seen: now });
    await write(rig, 301, 1);
    const image = await bench.crash(pair);
    await pair.spare.heal();
    await pair.main.heal();
    await rig.relocate(500, 1);
    return image;
  });
  await bench.life(await bench.revive(crash), async (rig) => {
    checkCounts("after the crash", rig, { remapped: 2 });
    await rig.check("content after the crash");
  });
}

/** A suspend that cannot write keeps what it has, and says so. */
async function keepsTheJournalOfAFailedSave(bench: PersistenceBench): Promise<void> {
  const pair = await bench.pair();
  await bench.life(pair, async (rig) => {
    await rig.relocate(10, 3);
    await pair.spare.fail([metadataOf(pair)]);
    await checkFails("save", "EIO", () => rig.send("save"));
    await rig.check("content after a save that failed");
    return await liveView(rig);
  }, { unsaved: true });
  await pair.spare.heal();
  await bench.life(pair, async (rig) => {
    checkCounts("in the next life", rig, { remapped: 3 });
    await rig.check("content in the next life");
  });
}

export const READ_ONLY: PersistencePart = {
  name: "5 metadata that cannot be written",
  cases: [
    { name: "promise 7: mode ro is loud", run: isLoud },
    { name: "promise 7: existing mappings are honoured", run: servesWhatThereIs },
    { name: "promise 7: it is for good, and nothing is relocated", run: relocatesNothingMore },
    { name: "promise 1: no write to a sector whose place is in doubt", run: keepsDoubtfulSectors },
    { name: "promise 7: restore is the way back", run: comesBackByRestore },
    { name: "promise 7: a removal is the other way back", run: comesBackByANewLife },
    { name: "promise 4: a checkpoint where the ring refuses", run: makesACheckpointInstead },
    { name: "promise 4: a save that fails loses nothing", run: keepsTheJournalOfAFailedSave },
  ],
};
