// SPDX-License-Identifier: GPL-2.0-only
// The functional suite in its 8.5 parts.
import { moduleState } from "../../kmod/state.ts";
import { makeLoop } from "../loops.ts";
import { unloadIfLoaded } from "../module.ts";
import type { Disks } from "../rig.ts";
import type { Stage, StageRun } from "../stage.ts";
import { Bench, type FunctionalPart, MAIN_SECTORS, SPARE_SECTORS } from "./bench.ts";
import { CLEAR_UNLOAD } from "./clear.ts";
import { STATUS } from "./status.ts";
import { VERIFY } from "./verify.ts";
import { CREATE } from "./create.ts";
import { LOAD } from "./load.ts";
import { PING } from "./ping.ts";
import { PLAIN_IO } from "./plain_io.ts";
import { MULTI_SECTOR } from "./multi_sector.ts";
import { REMAP } from "./remap.ts";

const PARTS: readonly FunctionalPart[] = [
  LOAD,
  CREATE,
  PING,
  PLAIN_IO,
  MULTI_SECTOR,
  REMAP,
  VERIFY,
  STATUS,
  CLEAR_UNLOAD,
];

async function run(stage: StageRun): Promise<void> {
  const foreignModule = moduleState().loaded;
  if (!foreignModule) stage.scope.defer("the module", unloadIfLoaded);
  const disks: Disks = {
    main: await makeLoop(stage.scope, stage.workdir, { sectors: MAIN_SECTORS }),
    spare: await makeLoop(stage.scope, stage.workdir, { sectors: SPARE_SECTORS }),
  };
  for (const part of PARTS) {
    stage.step(part.name);
    for (const { name, run } of part.cases) {
      const body = (scope: Bench["scope"]) => run(new Bench(scope, disks, stage, foreignModule));
      // Without the module nothing else can be tried.
      if (part === LOAD) await stage.must(name, body);
      else await stage.case(name, body);
    }
  }
}

export const FUNCTIONAL: Stage = {
  name: "functional",
  summary: "the target's contract in 8.5 parts, from load to unload",
  programs: ["losetup", "insmod", "rmmod"],
  run,
};
