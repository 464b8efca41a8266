// SPDX-License-Identifier: GPL-2.0-only
// Writes that have left for the old spare and not arrived, while what they change is copied.
import { checkEqual } from "../../check.ts";
import { swapTable, target } from "../../mapped.ts";
import type { Range, Rig } from "../../rig.ts";
import { inBackground, together } from "../../tasks.ts";
import { pause, until } from "../errors/here.ts";
import { readStat } from "../errors/promises.ts";
import { RELOCATED } from "../hotplug/bench.ts";
import { STRIPE } from "../hotplug/load.ts";
import { layoutOn } from "../persistence/view.ts";
import {
  begin,
  checkPromises,
  checkSome,
  ended,
  type MigrationBench,
  type MigrationPart,
  progress,
} from "./bench.ts";

/** Longer than a migration takes to begin to copy. */
const SINGLE_MS = 2000;
/** Long enough for many to be under way at once. */
const MANY_MS = 600;
const COPY_MS = 10;
/** Long enough for a write before the last of them. */
const SLOW_COPY_MS = 40;

/** Writes to slots of the old spare take so long; reads, flushes and metadata take no time. */
async function slowWrites({ dm, first: { disk, start, length } }: MigrationBench, ms: number) {
  const slots = start + layoutOn(length, 512).slotsStart;
  const place = `${disk.below.path} ${slots}`;
  await swapTable(dm, disk.mapped, [
    target("linear", 0, slots, `${disk.below.path} 0`),
    target("delay", slots, disk.sectors - slots, `${place} 0 ${place} ${ms} ${place} 0`),
  ]);
}

async function migratesBeneath(
  bench: MigrationBench,
  run: (rig: Rig) => Promise<void>,
): Promise<void> {
  const { first, second } = bench;
  const content = bench.newContent();
  await bench.life(first, content, async (rig) => {
    await run(rig);
    checkEqual("the end of the migration", (await ended(rig)).state, "done");
    await second.disk.heal();
    await rig.check("everything after the migration");
    await checkPromises("after the migration", rig, second);
  });
  await first.disk.heal();
  await bench.life(second, content, (rig) => rig.check("everything in the next life"));
}

/** It began before there was a migration that it could have told of itself. */
function waitsForAWrite(bench: MigrationBench): Promise<void> {
  return migratesBeneath(bench, async (rig) => {
    await slowWrites(bench, SINGLE_MS);
    const { first, count } = RELOCATED.at(-1)!;
    const writing = inBackground([rig.write(first + count - 1, 1)]);
    await until("a write that is under way", () => Promise.resolve(rig.inFlight() > 0));
    await begin(rig, bench.second);
    await ended(rig);
    await writing;
  });
}

/** Stripes that follow each other: an extent that a CPU remembers, see remap_hint_set(). */
const LONG = RELOCATED.filter(({ count }) => count === STRIPE).slice(0, 4);

/** Writes to one extent of slots, one after the other and many at once, until it has moved. */
function waitsForWrites(bench: MigrationBench): Promise<void> {
  return migratesBeneath(bench, async (rig) => {
    await slowWrites(bench, MANY_MS);
    await bench.slow(bench.second, COPY_MS);
    const sectors = LONG.flatMap(({ first, count }) =>
      Array.from({ length: count }, (_, at) => first + at)
    );
    const writes: Promise<void>[] = [];
    const write = async (sector: number) => {
      await rig.write(sector, 1);
      sectors.push(sector);
    };
    await begin(rig, bench.second);
    while ((await progress(rig)).state === "running") {
      const sector = sectors.shift();
      if (sector !== undefined) writes.push(inBackground([write(sector)]));
      await pause(20);
    }
    await together(writes);
    checkSome("writes that waited for the switch", await readStat(rig, "held_bios"));
  });
}

/** What has been copied is written once more, in one sector only, and by nobody again. */
function findsWhatWasCopied(bench: MigrationBench): Promise<void> {
  return migratesBeneath(bench, async (rig) => {
    await bench.slow(bench.second, SLOW_COPY_MS);
    const [{ first, count }] = RELOCATED as [Range];
    await begin(rig, bench.second);
    await until("a copy of the first stripe", async () => {
      return (await progress(rig)).copied > count;
    });
    await rig.write(first + 3, 1);
    checkEqual("the migration after the write", (await progress(rig)).state, "running");
  });
}

export const UNDER_WAY: MigrationPart = {
  name: "4 writes that are under way",
  cases: [
    { name: "promise 1: a write that began before the migration", run: waitsForAWrite },
    { name: "promise 1: writes that are under way when the spares change", run: waitsForWrites },
    { name: "promise 1: a write to what has been copied already", run: findsWhatWasCopied },
  ],
};
