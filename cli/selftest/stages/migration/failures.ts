// SPDX-License-Identifier: GPL-2.0-only
// Migrations that do not come to their end: the old spare goes on as if nothing had been.
import { check, checkEqual } from "../../check.ts";
import { checkLost } from "../../content.ts";
import type { Rig } from "../../rig.ts";
import { pause, until } from "../errors/here.ts";
import { needsSpare, RELOCATED } from "../hotplug/bench.ts";
import { Load } from "../hotplug/load.ts";
import { layoutOn } from "../persistence/view.ts";
import {
  begin,
  checkIsOn,
  checkUntouched,
  type Ended,
  ended,
  migrate,
  type MigrationBench,
  type MigrationPart,
  progress,
  type SparePlace,
} from "./bench.ts";

const UNFINISHED = /not finished/;
/** Slow enough to be met in the middle. */
const SLOW_MS = 100;

/** Waits until some of it is copied, but not all. */
async function untilHalfway(rig: Rig): Promise<void> {
  let last: Ended | undefined;
  await until("a migration that is halfway", async () => {
    last = await progress(rig);
    return last.copied > 0 || last.state !== "running";
  });
  check("a migration to a slow disk", last?.state === "running", {
    expected: "running",
    seen: last,
  });
}

async function beginSlowly(bench: MigrationBench, rig: Rig, place: SparePlace): Promise<void> {
  await bench.slow(place, SLOW_MS);
  await begin(rig, place);
  await untilHalfway(rig);
}

/** What is left on the new spare is no obstacle for another attempt, nor anything to start with. */
async function nextAttempt(bench: MigrationBench, rig: Rig): Promise<void> {
  await bench.second.disk.heal();
  await checkUntouched(rig, bench.first);
  await migrate(rig, bench.second);
  await rig.check("everything after the next attempt");
}

function slotsOf({ start, length }: SparePlace): number {
  return start + layoutOn(length, 512).slotsStart;
}

async function failsWithTheNewSpare(bench: MigrationBench): Promise<void> {
  const { first, second } = bench;
  const bad = [
    { what: "all slots", first: slotsOf(second), count: second.disk.sectors - slotsOf(second) },
    { what: "the checkpoints", first: second.start + 16, count: 32 },
    { what: "the superblocks", first: second.start, count: 16 },
  ];
  for (const { what, ...range } of bad) {
    await bench.life(first, await bench.restore(), async (rig) => {
      await second.disk.fail([{ ...range, what: "writes" }]);
      await begin(rig, second);
      checkEqual(`without ${what}`, (await ended(rig)).state, "failed");
      await second.disk.heal();
      await checkUntouched(rig, first);
    });
  }
}

/** No request of anybody fails for it. */
async function losesTheNewSpare(bench: MigrationBench): Promise<void> {
  const { first, second } = bench;
  const content = bench.newContent();
  await bench.life(first, content, async (rig) => {
    const load = new Load(rig, bench.seed, () => false);
    load.start();
    await beginSlowly(bench, rig, second);
    await second.disk.die();
    checkEqual("with the new spare gone", (await ended(rig)).state, "failed");
    await load.goesOn(50);
    await load.stop();
    await nextAttempt(bench, rig);
  });
  await bench.life(second, content, (rig) => rig.check("everything in the next life"));
}

/** A disk that is gone has no bad sectors: nothing is called lost for it. */
async function losesTheOldSpare(bench: MigrationBench): Promise<void> {
  const { first, second } = bench;
  const content = bench.newContent();
  await bench.life(first, content, async (rig) => {
    const load = new Load(rig, bench.seed, needsSpare);
    load.start();
    await beginSlowly(bench, rig, second);
    await first.disk.die();
    checkEqual("with the old spare gone", (await ended(rig)).state, "failed");
    checkIsOn("the table", rig, first);
    await load.goesOn(50);
    await load.stop();
    await checkLost("a relocated sector", rig.file, RELOCATED[0]!.first, 1);
    await first.disk.heal();
    await pause(1500);
    await load.settle("everything once it is back", rig);
    checkEqual("lost", rig.status().lost, 0n);
    await second.disk.heal();
    await migrate(rig, second);
    await rig.check("everything after the next attempt");
  });
  await bench.life(second, content, (rig) => rig.check("everything in the next life"));
}

async function stops(bench: MigrationBench): Promise<void> {
  const { first, second } = bench;
  const content = bench.newContent();
  await bench.life(first, content, async (rig) => {
    await beginSlowly(bench, rig, second);
    checkEqual("migrate stop", await rig.send("migrate stop"), "stopped");
    const { state } = await progress(rig);
    checkEqual("the state", state, "stopped");
    await second.disk.heal();
    await bench.refuses(second, UNFINISHED);
    await nextAttempt(bench, rig);
  });
  await bench.life(second, content, (rig) => rig.check("everything in the next life"));
}

async function endsWithTheDevice(bench: MigrationBench): Promise<void> {
  const { first, second } = bench;
  const content = bench.newContent();
  await bench.life(first, content, (rig) => beginSlowly(bench, rig, second));
  await second.disk.heal();
  await bench.refuses(second, UNFINISHED);
  await bench.life(first, content, (rig) => nextAttempt(bench, rig));
  await bench.life(second, content, (rig) => rig.check("everything in the next life"));
}

export const FAILURES: MigrationPart = {
  name: "2 that does not work",
  cases: [
    { name: "promise 7: a new spare that refuses writes", run: failsWithTheNewSpare },
    { name: "promise 1: a new spare that goes, under load", run: losesTheNewSpare },
    { name: "promise 8: an old spare that goes, under load", run: losesTheOldSpare },
    { name: "promise 10: it is stopped, and begun again", run: stops },
    { name: "promise 10: the device is removed in the middle", run: endsWithTheDevice },
  ],
};
