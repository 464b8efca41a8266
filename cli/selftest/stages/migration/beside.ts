// SPDX-License-Identifier: GPL-2.0-only
// What else may happen to a device while it migrates.
import { DirectFile } from "../../../../ffi/direct_file.ts";
import { BLOCK_SECTORS, BLOCK_SIZE } from "../../../metadata/format.ts";
import { checkEqual, checkFails } from "../../check.ts";
import { position, readSectors } from "../../content.ts";
import { swapTable } from "../../mapped.ts";
import type { Rig } from "../../rig.ts";
import { RELOCATED } from "../hotplug/bench.ts";
import { Load } from "../hotplug/load.ts";
import { layoutOn } from "../persistence/view.ts";
import {
  begin,
  checkPromises,
  checkUntouched,
  ended,
  migrate,
  type MigrationBench,
  type MigrationPart,
  progress,
} from "./bench.ts";

const SLOW_MS = 15;

/** Something happens again and again while a slow migration goes on, and others write. */
async function whileItGoesOn(
  bench: MigrationBench,
  happen: (rig: Rig, round: number) => Promise<void>,
): Promise<void> {
  const { first, second } = bench;
  const content = bench.newContent();
  await bench.life(first, content, async (rig) => {
    await bench.slow(second, SLOW_MS);
    const load = new Load(rig, bench.seed, () => false);
    load.start();
    await begin(rig, second);
    for (let round = 0; (await progress(rig)).state === "running"; round++) {
      await happen(rig, round);
    }
    checkEqual("the end of the migration", (await ended(rig)).state, "done");
    await load.stop();
    await second.disk.heal();
    await load.settle("everything after the migration", rig);
    await checkPromises("after the migration", rig, second);
  });
  await bench.life(second, content, (rig) => rig.check("everything in the next life"));
}

function suspends(bench: MigrationBench): Promise<void> {
  return whileItGoesOn(bench, async (rig, round) => {
    await bench.dm.suspend(rig.name, { noflush: round % 2 === 1 });
    await bench.dm.resume(rig.name);
    await new Promise((resolve) => setTimeout(resolve, 10));
  });
}

function movesSectors(bench: MigrationBench): Promise<void> {
  return whileItGoesOn(bench, async (rig, round) => {
    const first = (round * 7) % 256;
    await rig.relocate(first, 8);
    await rig.send(`unmap ${first} 6`);
    await rig.send(`unmap ${RELOCATED[round % RELOCATED.length]!.first} 4`);
    await rig.send("save");
  });
}

function scans(bench: MigrationBench): Promise<void> {
  return whileItGoesOn(bench, async (rig, round) => {
    if (/running/.test(await rig.send("scan status"))) await rig.send("scan stop");
    await rig.send(`scan ${round % 64} ${rig.length - 1}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  });
}

async function clears(bench: MigrationBench): Promise<void> {
  const { first, second } = bench;
  const content = bench.newContent();
  await bench.life(first, content, async (rig) => {
    await bench.slow(second, SLOW_MS);
    await begin(rig, second);
    checkEqual("kept", await rig.send("clear"), `cleared=${RELOCATED_ALL} kept=0`);
    checkEqual("the end of the migration", (await ended(rig)).state, "done");
    await second.disk.heal();
    await rig.check("everything, which is on main");
    await rig.relocate(300, 8);
    await checkPromises("after the migration", rig, second);
  });
  await bench.life(second, content, async (rig) => {
    await rig.check("everything in the next life");
    checkEqual("relocated", rig.status().remapped, 8n);
  });
}

const RELOCATED_ALL = RELOCATED.reduce((sum, { count }) => sum + count, 0);

/** What is half done cannot be handed over. */
async function refusesReloads(bench: MigrationBench): Promise<void> {
  const { first, second } = bench;
  const content = bench.newContent();
  await bench.life(first, content, async (rig) => {
    await bench.slow(second, SLOW_MS);
    const load = new Load(rig, bench.seed, () => false);
    load.start();
    await begin(rig, second);
    await checkFails("a reload while it goes on", "EBUSY", () => {
      return bench.dm.reload(rig.name, [bench.lineOver(first)]);
    });
    checkEqual("the end of the migration", (await ended(rig)).state, "done");
    await load.stop();
    await second.disk.heal();
    await load.settle("everything after the migration", rig);
  });
  await bench.life(second, content, (rig) => rig.check("everything in the next life"));
}

/** The line of before names a spare that does not count any more. */
async function reloadsTheOldLine(bench: MigrationBench): Promise<void> {
  const { first, second } = bench;
  const content = bench.newContent();
  await bench.life(first, content, async (rig) => {
    await migrate(rig, second);
    await swapTable(bench.dm, rig.name, [bench.lineOver(second)]);
    await rig.check("everything after a reload of the new line");
    await refusesLine(bench, rig);
    await rig.check("everything after the refusal");
    await rig.write(0, 256);
    await rig.check("everything after a write");
  });
  await bench.life(second, content, (rig) => rig.check("everything in the next life"));
}

/** Loading it fails, or resuming with it; the right one can be loaded then. */
async function refusesLine(bench: MigrationBench, rig: Rig): Promise<void> {
  await checkFails("the line of before the migration", "EBUSY", async () => {
    try {
      await swapTable(bench.dm, rig.name, [bench.lineOver(bench.first)]);
    } catch (error) {
      if (bench.dm.info(rig.name)?.suspended) {
        await bench.dm.reload(rig.name, [bench.lineOver(bench.second)]);
        await bench.dm.resume(rig.name);
      }
      throw error;
    }
  });
}

async function refuses(bench: MigrationBench): Promise<void> {
  const { first, second, main } = bench;
  const { path } = second.disk;
  const attempts = [
    ["without a device", "migrate", "EINVAL"],
    ["with half a range", `migrate ${path} 64`, "EINVAL"],
    ["past the end", `migrate ${path} 64 999999`, "EINVAL"],
    ["to a spare that is too small", `migrate ${path} 64 520`, "ENOSPC"],
    ["to a part of itself", `migrate ${first.disk.path} 512 1024`, "EBUSY"],
    ["to main", `migrate ${main.path} 0 2048`, "EBUSY"],
    ["to no device", "migrate /dev/nothing/there", "ENODEV"],
    ["nowhere, when there is none to stop", "migrate stop", "ENOENT"],
  ] as const;
  await bench.life(first, bench.newContent(), async (rig) => {
    for (const [what, message, code] of attempts) {
      await checkFails(`a migration ${what}`, code, () => rig.send(message));
    }
    await bench.dm.suspend(rig.name);
    const toSecond = `migrate ${path} ${second.start} ${second.length}`;
    await checkFails("a migration of a suspended device", "EBUSY", () => rig.send(toSecond))
      .finally(() => bench.dm.resume(rig.name));
    await bench.slow(second, SLOW_MS);
    await begin(rig, second);
    await checkFails("a second migration", "EBUSY", () => rig.send(toSecond));
    await rig.send("migrate stop");
    await second.disk.heal();
    await checkUntouched(rig, first);
    checkEqual("the state", (await progress(rig)).state, "stopped");
  });
}

/** Whatever else lies on it: nothing is written over it. */
async function leavesOthersAlone(bench: MigrationBench): Promise<void> {
  const { first, second } = bench;
  const content = bench.newContent();
  await bench.life(second, content, () => Promise.resolve());
  await bench.life(first, content, async (rig) => {
    await checkFails("a migration to a spare that is in use", "EEXIST", () => {
      return rig.send(`migrate ${second.disk.path} ${second.start} ${second.length}`);
    });
    await checkUntouched(rig, first);
  });
  await bench.life(second, content, () => Promise.resolve());
}

/** One byte behind the superblocks, where metadata is going to be. */
async function leavesBytesAlone(bench: MigrationBench): Promise<void> {
  const { first, second } = bench;
  const block = layoutOn(second.length, 512).journalStart + 1;
  const bytes = new Uint8Array(BLOCK_SIZE);
  bytes[BLOCK_SIZE - 1] = 1;
  using file = DirectFile.open(second.disk.path, { write: true });
  const at = second.start + block * BLOCK_SECTORS;
  await file.write(position(at), bytes);
  await bench.life(first, bench.newContent(), async (rig) => {
    await begin(rig, second);
    const { state, reason } = await ended(rig);
    checkEqual("the end of the migration", `${state} ${reason}`, "failed not_blank");
    await checkUntouched(rig, first);
  });
  for (
    const [what, start, count, expected] of [
      ["the block", at, BLOCK_SECTORS, bytes],
      ["the superblocks", second.start, 2 * BLOCK_SECTORS, new Uint8Array(2 * BLOCK_SIZE)],
    ] as const
  ) {
    const left = await readSectors(file, start, count);
    checkEqual(`${what}, left as it was`, left.every((byte, n) => byte === expected[n]), true);
  }
}

export const BESIDE: MigrationPart = {
  name: "3 and what else happens",
  cases: [
    { name: "promise 1: suspends", run: suspends },
    { name: "promise 1: relocations, unmaps and checkpoints", run: movesSectors },
    { name: "promise 1: scans", run: scans },
    { name: "promise 1: everything is taken back to main", run: clears },
    { name: "promise 4: a reload is refused until its end", run: refusesReloads },
    { name: "promise 4: the line of before is refused", run: reloadsTheOldLine },
    { name: "promise 10: what cannot be is refused", run: refuses },
    { name: "promise 10: a spare that is in use is no new spare", run: leavesOthersAlone },
    { name: "promise 10: a new spare that is not blank is left alone", run: leavesBytesAlone },
  ],
};
