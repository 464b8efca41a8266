// SPDX-License-Identifier: GPL-2.0-only
// Does memory go missing when the module, its devices and their I/O come and go?
import { loadModule, unloadModule } from "../../kmod/load.ts";
import { moduleState } from "../../kmod/state.ts";
import { checkEqual, CheckError, checkFails } from "../check.ts";
import { newGeneration, position, readSectors } from "../content.ts";
import { makeLoop } from "../loops.ts";
import { makeMapped } from "../mapped.ts";
import { unloadIfLoaded } from "../module.ts";
import { makeSectors } from "../pattern.ts";
import { type Disks, remapTarget, Rig } from "../rig.ts";
import { Scope } from "../scope.ts";
import { SkipError, type Stage, type StageRun } from "../stage.ts";
import { findLeaks, hasKmemleak } from "./kmemleak.ts";
import { type Growth, growth, readMemoryUse } from "./memory.ts";

const MAIN_SECTORS = 8192;
const SPARE_SECTORS = 4096;
const WARM_UP_ROUNDS = 3;

type Round = (round: number) => Promise<void>;

/**
 * Memory that a leak takes is taken every time; what merely happens to grow stops growing: what a
 * count can be wrong by is bounded, see readMemoryUse().
 */
const ATTEMPTS = 6;

/** Does the same thing over and over, and judges by what is in use before and after. */
async function watchMemory(stage: StageRun, name: string, rounds: number, round: Round) {
  for (let index = 0; index < WARM_UP_ROUNDS; index++) await round(index);
  await pause(SETTLE_MS);
  let before = await readMemoryUse();
  const grownEachTime = new Map<string, Growth[]>();
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    for (let index = 0; index < rounds; index++) {
      stage.signal.throwIfAborted();
      await round(index);
    }
    // Most is free at once; some of it only after the longest delay that the kernel allows itself.
    await pause(attempt === 1 ? SETTLE_MS : SETTLE_LONG_MS);
    const after = await readMemoryUse();
    const grown = growth(before, after, rounds).filter(({ grown, allowed }) => grown > allowed);
    for (const each of grown) {
      grownEachTime.set(each.what, [...grownEachTime.get(each.what) ?? [], each]);
    }
    for (const [what, times] of grownEachTime) {
      if (times.length < attempt) grownEachTime.delete(what);
    }
    if (grownEachTime.size === 0) return stage.figure(`${name}, rounds`, attempt * rounds, "");
    before = after;
  }
  const [what = "", times = []] = [...grownEachTime][0] ?? [];
  const [first] = times;
  throw new CheckError(
    `${what} in use after ${rounds} rounds of ${name}, ${ATTEMPTS} times in a row`,
    `at most ${first?.allowed}${first?.unit} more than before`,
    `${times.map(({ grown, unit }) => `${grown}${unit}`).join(", ")} more`,
  );
}

/** For what is freed after an RCU grace period, or by a work queue. */
const SETTLE_MS = 500;
/** kfree_rcu() may take up to 5 s. */
const SETTLE_LONG_MS = 6000;

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function inScope(body: (scope: Scope) => Promise<void>): Promise<void> {
  await using scope = new Scope();
  await body(scope);
}

/** A device that is made, used in every way and removed, some relocations still in it. */
function deviceLife(stage: StageRun, disks: Disks): Round {
  return (round) =>
    inScope(async (scope) => {
      const features = ["volatile", "max_remaps", "0"];
      const rig = await Rig.make(scope, stage.dm, disks, { features, fill: false });
      const pairs = Array.from({ length: 100 }, (_, index) => `${index * 80 + round % 8} 3`);
      checkEqual("remap", await rig.send(`remap ${pairs.join(" ")}`), "remapped=300 lost=0");
      await rig.write(0, 512);
      await rig.send("unmap 0 4096");
      await stage.dm.reload(rig.name, [rig.table]);
      await stage.dm.suspend(rig.name);
      await stage.dm.resume(rig.name);
    });
}

/** Tables that the constructor refuses after it has allocated this or that. */
function refusedTables(stage: StageRun, { main, spare }: Disks): Round {
  const parts = { main: main.path, spare: spare.path, spareLength: SPARE_SECTORS };
  const refused = [
    remapTarget({ ...parts, features: [] }, MAIN_SECTORS),
    remapTarget({ ...parts, features: ["volatile", "magic"] }, MAIN_SECTORS),
    remapTarget({ ...parts, spare: "/dev/no-such-device" }, MAIN_SECTORS),
    remapTarget({ ...parts, spareLength: SPARE_SECTORS + 8 }, MAIN_SECTORS),
    remapTarget(parts, MAIN_SECTORS + 8),
  ];
  return async () => {
    for (const table of refused) {
      let refusals = 0;
      await inScope((scope) => makeMapped(scope, stage.dm, "refused", [table]).then(() => {}))
        .catch(() => refusals++);
      checkEqual(`refusals of ${table.params}`, refusals, 1);
    }
  };
}

/** Requests over relocated and lost sectors, failing ones too, on a device that stays. */
async function inputOutput(scope: Scope, stage: StageRun, disks: Disks): Promise<Round> {
  const features = ["volatile", "max_remaps", "0", "retries", "1"];
  const rig = await Rig.make(scope, stage.dm, disks, { features, faults: true });
  return async () => {
    await rig.badMain([{ first: 1000, count: 8 }]);
    await checkFails("a read of a bad sector", "EIO", () => readSectors(rig.file, 1000, 8));
    await rig.relocate(992, 24, 8);
    await rig.badMain([]);
    await checkFails("a read of a lost sector", "EIO", () => readSectors(rig.file, 990, 16));
    await rig.file.write(position(1000), makeSectors(1000, 8, newGeneration()));
    const writes = Array.from({ length: 32 }, (_, index) => rig.write(900 + index * 8, 8));
    await Promise.all([...writes, rig.send("remap 900 200"), rig.send("unmap 800 256")]);
    await rig.file.zeroout(position(950), position(100));
    await rig.file.flush();
    await rig.send("clear force");
    await rig.write(0, 2048);
  };
}

function moduleLife(stage: StageRun): Round {
  return async () => {
    await loadModule({ signal: stage.signal });
    await unloadModule([]);
  };
}

async function run(stage: StageRun): Promise<void> {
  if (moduleState().loaded) {
    throw new SkipError(
      "the module was loaded before this run, and this stage has to unload it: " +
        "use --vm, or remove its devices and run `dmremap-ts kmod unload`",
    );
  }
  stage.scope.defer("the module", unloadIfLoaded);
  const disks: Disks = {
    main: await makeLoop(stage.scope, stage.workdir, { sectors: MAIN_SECTORS }),
    spare: await makeLoop(stage.scope, stage.workdir, { sectors: SPARE_SECTORS }),
  };
  const watch = await hasKmemleak() ? watchRounds : watchMemory;
  const rounds = stage.settings.leakRounds;
  // Where the module stays loaded, so that the leak detector can name the functions in its reports.
  await loadModule({ signal: stage.signal });
  await stage.case("device life", async () => {
    await watch(stage, "device life", rounds, deviceLife(stage, disks));
  });
  await stage.case("refused tables", async () => {
    await watch(stage, "refused tables", rounds, refusedTables(stage, disks));
  });
  await stage.case("I/O", async (scope) => {
    await watch(stage, "I/O", rounds, await inputOutput(scope, stage, disks));
  });
  if (watch === watchRounds) await stage.case("kmemleak after all of that", () => noLeaks());
  await stage.must("unload", () => unloadModule([]));
  await stage.case("module life", () => watch(stage, "module life", rounds, moduleLife(stage)));
  if (watch === watchRounds) await stage.case("kmemleak after the unload", () => noLeaks());
}

/**
 * Where the kernel itself looks for leaks nothing is counted: its checkers hold freed memory back,
 * and one round would be enough. A scan is dear, so several kinds of rounds share one.
 */
async function watchRounds(stage: StageRun, _name: string, rounds: number, round: Round) {
  for (let index = 0; index < Math.ceil(rounds / 4); index++) {
    stage.signal.throwIfAborted();
    await round(index);
  }
}

async function noLeaks(): Promise<void> {
  const leaks = await findLeaks();
  if (leaks.length === 0) return;
  const seen = `${leaks.length}, the first:\n${leaks[0]}`;
  throw new CheckError("objects that nothing points to", "none", seen);
}

export const LEAK: Stage = {
  name: "leak",
  summary: "memory before and after many lives of the module, of devices, and of I/O",
  programs: ["losetup", "insmod", "rmmod"],
  run,
};
