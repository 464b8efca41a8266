// SPDX-License-Identifier: GPL-2.0-only
// The hotplug stage: disks that are unplugged while they are in use, and plugged in again.
import { makeLoop } from "../../loops.ts";
import { useModule } from "../../module.ts";
import { runAll } from "../../parts.ts";
import type { Disks } from "../../rig.ts";
import type { Scope } from "../../scope.ts";
import type { Stage, StageRun } from "../../stage.ts";
import { HotplugBench, type HotplugCase, type HotplugPart, SECTORS } from "./bench.ts";
import { MAIN } from "./main.ts";
import { SPARE } from "./spare.ts";
import { TAKEN_UP } from "./taken_up.ts";

const PARTS: readonly HotplugPart[] = [SPARE, MAIN, TAKEN_UP];

/** Requests that hang are found sooner than the default would. */
const CASE_LIMIT_MS = 180_000;

async function run(stage: StageRun): Promise<void> {
  await useModule(stage.scope, stage.signal);
  const loops: Disks = {
    main: await makeLoop(stage.scope, stage.workdir, { sectors: SECTORS }),
    spare: await makeLoop(stage.scope, stage.workdir, { sectors: SECTORS }),
  };
  const around = (scope: Scope, run: HotplugCase["run"]) =>
    run(new HotplugBench(scope, stage, loops));
  await runAll(stage, PARTS, around, CASE_LIMIT_MS);
}

export const HOTPLUG: Stage = {
  name: "hotplug",
  summary: "disks that are unplugged under load, and plugged in again",
  programs: ["losetup", "insmod", "rmmod", "modprobe", "mount"],
  run,
};
