// SPDX-License-Identifier: GPL-2.0-only
// Requests that meet a sector while it is being relocated: they wait, and see its new place.
import { check, checkEqual, CheckError } from "../../check.ts";
import { newGeneration, position, readSectors } from "../../content.ts";
import { makeMapped, target } from "../../mapped.ts";
import { findMismatch, type Generation, makeSectors } from "../../pattern.ts";
import type { Rig } from "../../rig.ts";
import { inBackground, together } from "../../tasks.ts";
import type { ErrorsBench, ErrorsPart } from "./bench.ts";
import { pause, until } from "./here.ts";
import { checkCounts, write } from "./requests.ts";

const DELAY_MS = 300;

/** A rig whose spare takes its time to write, or to read, and whose main may refuse writes. */
async function withSlowSpare(bench: ErrorsBench, delays = { reads: 0, writes: DELAY_MS }) {
  const { path, sectors } = bench.loops.spare;
  const { reads, writes } = delays;
  const table = target("delay", 0, sectors, `${path} 0 ${reads} ${path} 0 ${writes}`);
  const { name, path: slow } = await makeMapped(bench.scope, bench.dm, "slow", [table]);
  const spare = { path: slow, sectors, blockSize: 512, name: `dm-${bench.dm.info(name)?.minor}` };
  const main = await bench.segments("main", bench.loops.main);
  return { main, rig: await bench.rigOver({ main, spare }) };
}

/** Which of these writes a sector holds now. */
async function generationOf(
  rig: Rig,
  sector: number,
  allowed: readonly Generation[],
): Promise<Generation> {
  const bytes = await readSectors(rig.file, sector, 1);
  const found = allowed.find((each) => findMismatch(bytes, sector, () => each) === undefined);
  if (found !== undefined) return found;
  const seen = findMismatch(bytes, sector, () => allowed[0] ?? 0)?.seen ?? "";
  throw new CheckError(`sector ${sector}`, `write ${allowed.join(" or ")}`, seen);
}

async function readersWait(bench: ErrorsBench): Promise<void> {
  const { rig, main } = await withSlowSpare(bench);
  const old = rig.content.generation(300);
  await main.fail([{ first: 300, count: 1, what: "writes" }]);
  const fresh = newGeneration();
  let acknowledged = false;
  const writing = async () => {
    await rig.file.write(position(296), makeSectors(296, 8, fresh));
    acknowledged = true;
  };
  const states: Generation[] = [];
  const reading = async () => {
    // One read at least after the write has ended.
    for (let [round, ended] = [0, false]; round < 20 || !ended; round++) {
      ended = acknowledged;
      states.push(await generationOf(rig, 300, ended ? [fresh] : [old, fresh]));
      await pause(DELAY_MS / 10);
    }
  };
  await together([writing(), reading()]);
  rig.content.set(296, 8, fresh);
  const first = states.findIndex((state) => state !== old);
  check(
    "reads once one has seen the new content",
    states.slice(first).every((each) => each !== old),
    {
      expected: "never the old content again",
      seen: states.join(" "),
    },
  );
  await rig.check("everything");
  checkCounts("in the end", rig, { remapped: 1, spareUsed: 1, lost: 0, pending: 0 });
}

async function writersWait(bench: ErrorsBench): Promise<void> {
  const { rig, main } = await withSlowSpare(bench);
  await main.fail([{ first: 300, count: 1 }]);
  const generations = Array.from({ length: 8 }, newGeneration);
  await together(generations.map(async (generation, index) => {
    await pause(index * DELAY_MS / 16);
    await rig.file.write(position(300), makeSectors(300, 1, generation));
  }));
  const last = await generationOf(rig, 300, generations);
  rig.content.set(300, 1, last);
  for (let round = 0; round < 5; round++) await rig.check("the sector, read again", 300, 1);
  checkCounts("after eight writes of one bad sector", rig, { remapped: 1, spareUsed: 1, lost: 0 });
  await rig.check("everything");
}

async function neighboursLoseNothing(bench: ErrorsBench): Promise<void> {
  const { rig, main } = await withSlowSpare(bench);
  await main.fail([{ first: 300, count: 1 }, { first: 303, count: 1 }]);
  const sectors = Array.from({ length: 16 }, (_, index) => 296 + index);
  for (let round = 0; round < 2; round++) {
    await together(sectors.map(async (sector) => {
      await write(rig, sector, 1);
      await rig.check("a sector right after its write", sector, 1);
    }));
  }
  await rig.check("everything");
  checkCounts("after writes around two bad sectors", rig, { remapped: 2, spareUsed: 2, lost: 0 });
}

async function suspendWaits(bench: ErrorsBench): Promise<void> {
  const { rig, main } = await withSlowSpare(bench);
  await main.fail([{ first: 300, count: 1 }]);
  for (const noflush of [false, true]) {
    const writing = inBackground([write(rig, 296, 8)]);
    await pause(DELAY_MS / 3);
    await bench.dm.suspend(rig.name, { noflush }).finally(() => bench.dm.resume(rig.name));
    await writing;
    await rig.check("a write that a suspend met while it was relocated", 290, 20);
  }
  checkCounts("in the end", rig, { remapped: 1, spareUsed: 1, lost: 0 });
}

/** Its read is under way when the slot is given up, and would meet whoever gets it next. */
async function slotsWaitForReaders(bench: ErrorsBench): Promise<void> {
  const { rig } = await withSlowSpare(bench, { reads: 3 * DELAY_MS, writes: 0 });
  await rig.relocate(300, 1);
  await write(rig, 300, 1);
  const [before] = await rig.places(300, 1);
  const reading = generationOf(rig, 300, [rig.content.generation(300)]);
  reading.catch(() => {});
  await until("the read begins", () => rig.inFlight() > 0);
  checkEqual("a slot given up", await rig.send("unmap 300 1 force"), "cleared=1 kept=0");
  await rig.relocate(500, 1);
  const [after] = await rig.places(500, 1);
  checkEqual("the slot of the next sector", after?.spareSector, before?.spareSector);
  await reading;
}

export const HELD: ErrorsPart = {
  name: "10 requests during a relocation",
  cases: [
    { name: "promise 2: readers see the old content, then the new", run: readersWait },
    { name: "promise 1: eight writers of one bad sector", run: writersWait },
    { name: "promise 1: writers of its neighbours", run: neighboursLoseNothing },
    { name: "promise 1: a suspend waits for it", run: suspendWaits },
    { name: "promise 3: a slot is not given away under its reader", run: slotsWaitForReaders },
  ],
};
