// SPDX-License-Identifier: GPL-2.0-only
// The migration stage: slots and metadata move to another spare while the device is in use.
import { makeLoop } from "../../loops.ts";
import { useModule } from "../../module.ts";
import { runAll } from "../../parts.ts";
import type { Stage, StageRun } from "../../stage.ts";
import { SECTORS } from "../hotplug/bench.ts";
import { MigrationBench, type MigrationLoops, type MigrationPart, prepare } from "./bench.ts";
import { BESIDE } from "./beside.ts";
import { FAILURES } from "./failures.ts";
import { MOVES } from "./moves.ts";
import { UNDER_WAY } from "./under_way.ts";

const PARTS: readonly MigrationPart[] = [MOVES, FAILURES, BESIDE, UNDER_WAY];

/** Requests that hang are found sooner than the default would. */
const CASE_LIMIT_MS = 180_000;

async function run(stage: StageRun): Promise<void> {
  await useModule(stage.scope, stage.signal);
  const loops: MigrationLoops = {
    main: await makeLoop(stage.scope, stage.workdir, { sectors: SECTORS }),
    first: await makeLoop(stage.scope, stage.workdir, { sectors: SECTORS }),
    second: await makeLoop(stage.scope, stage.workdir, { sectors: SECTORS + 768 }),
  };
  const prepared = await prepare(stage, loops);
  await runAll(stage, PARTS, async (scope, run) => {
    await run(await MigrationBench.make(scope, stage, loops, prepared));
  }, CASE_LIMIT_MS);
}

export const MIGRATION: Stage = {
  name: "migration",
  summary: "slots and metadata move to another spare under load, or stay where they are",
  programs: ["losetup", "insmod", "rmmod", "fio"],
  run,
};
