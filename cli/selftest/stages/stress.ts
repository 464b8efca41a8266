// SPDX-License-Identifier: GPL-2.0-only
// Workers that write and verify as hard as they can, while sectors are relocated under them.
import { check, checkEqual } from "../check.ts";
import { makeLoop } from "../loops.ts";
import { useModule } from "../module.ts";
import { Random } from "../random.ts";
import { type Range, Rig } from "../rig.ts";
import { together } from "../tasks.ts";
import type { Stage, StageRun } from "../stage.ts";

const MAIN_SECTORS = 32768;
const SPARE_SECTORS = 8192;
/** Leaves room, so that no relocation is refused. */
const MOST_REMAPPED = SPARE_SECTORS - 1024;

interface Tally {
  writes: number;
  reads: number;
  moves: number;
}

/** One worker owns every n-th stripe: requests of two workers never overlap, extents do. */
const STRIPE = 64;

async function work(stage: StageRun, rig: Rig, worker: number, until: Until, tally: Tally) {
  const { seed, stressWorkers } = stage.settings;
  const random = new Random(seed + 1000 * worker);
  const stripes = Math.floor(rig.length / STRIPE / stressWorkers);
  while (until.goesOn()) {
    const stripe = (random.below(stripes) * stressWorkers + worker) * STRIPE;
    const first = stripe + random.below(STRIPE);
    const count = random.between(1, stripe + STRIPE - first);
    if (random.below(3) > 0) {
      await rig.write(first, count);
      tally.writes++;
    }
    await rig.check(`worker ${worker}`, first, count);
    tally.reads++;
    if (random.below(50) === 0) await rig.file.flush();
  }
}

async function move(stage: StageRun, rig: Rig, until: Until, tally: Tally) {
  const random = new Random(stage.settings.seed + 77);
  while (until.goesOn()) {
    const { first, count } = randomRange(random, rig.length);
    const full = Number(rig.status().remapped) + count > MOST_REMAPPED;
    if (!full && random.below(3) > 0) await rig.relocate(first, count);
    else if (random.below(100) === 0) await rig.send("clear");
    else await rig.send(`unmap ${first} ${full ? Math.min(rig.length - first, 2048) : count}`);
    tally.moves++;
  }
}

function randomRange(random: Random, length: number): Range {
  const first = random.below(length);
  const longest = random.pick([1, 8, 64, 512]);
  return { first, count: Math.min(random.between(1, longest), length - first) };
}

/** Tells the workers when to stop: in time, after a failure of one of them, on Ctrl-C. */
class Until {
  #stopped = false;
  readonly #end: number;

  constructor(seconds: number, private readonly signal: AbortSignal) {
    this.#end = performance.now() + seconds * 1000;
  }

  goesOn(): boolean {
    return !this.#stopped && !this.signal.aborted && performance.now() < this.#end;
  }

  stop(): void {
    this.#stopped = true;
  }
}

async function runAll(until: Until, work: readonly Promise<void>[]): Promise<void> {
  const watched = work.map((each) =>
    each.catch((error) => {
      until.stop();
      throw error;
    })
  );
  await together(watched);
}

async function run(stage: StageRun): Promise<void> {
  const { stressWorkers, stressSeconds } = stage.settings;
  await useModule(stage.scope, stage.signal);
  const disks = {
    main: await makeLoop(stage.scope, stage.workdir, { sectors: MAIN_SECTORS }),
    spare: await makeLoop(stage.scope, stage.workdir, { sectors: SPARE_SECTORS }),
  };
  const features = ["volatile", "max_remaps", "0"];
  const rig = await Rig.make(stage.scope, stage.dm, disks, { features });
  const tally: Tally = { writes: 0, reads: 0, moves: 0 };
  await stage.must(`${stressWorkers} workers for ${stressSeconds} s`, async () => {
    const until = new Until(stressSeconds, stage.signal);
    const workers = Array.from({ length: stressWorkers }, (_, worker) => {
      return work(stage, rig, worker, until, tally);
    });
    await runAll(until, [...workers, move(stage, rig, until, tally)]);
  }, (stressSeconds + 120) * 1000);
  stage.figure("writes", tally.writes, "");
  stage.figure("verified reads", tally.reads, "");
  stage.figure("relocations and unmaps", tally.moves, "");
  await stage.case("everybody got to work", () => {
    const fewest = Math.min(tally.writes / stressWorkers, tally.moves);
    check("requests and moves", fewest >= 1, { expected: "some of each", seen: tally });
    return Promise.resolve();
  });
  await stage.must("the whole device afterwards", () => rig.check("the whole device"));
  await stage.must("slots add up", async () => {
    const places = await rig.places();
    const relocated = places.filter(({ place }) => place === "remapped")
      .reduce((sum, { count }) => sum + count, 0n);
    const { remapped, lost, spareUsed } = rig.status();
    checkEqual("remapped and slots in use", [remapped, spareUsed], [relocated, relocated]);
    checkEqual("lost", lost, 0n);
  });
  await stage.must("main is whole after clear", async () => {
    const { remapped } = rig.status();
    checkEqual("clear", await rig.send("clear"), `cleared=${remapped} kept=0`);
    await rig.checkMain("the whole disk", rig.content);
  });
}

export const STRESS: Stage = {
  name: "stress",
  summary: "8 workers verify what they write, for 30 s, while sectors move under them",
  programs: ["losetup", "insmod", "rmmod"],
  run,
};
