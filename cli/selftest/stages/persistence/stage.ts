// SPDX-License-Identifier: GPL-2.0-only
// The persistence stage: what a device knows outlives it.
import { makeLoop } from "../../loops.ts";
import { useModule } from "../../module.ts";
import { runAll } from "../../parts.ts";
import type { Disks } from "../../rig.ts";
import type { Scope } from "../../scope.ts";
import type { Stage, StageRun } from "../../stage.ts";
import {
  MAIN_SECTORS,
  PersistenceBench,
  type PersistenceCase,
  type PersistencePart,
  SPARE_SECTORS,
} from "./bench.ts";
import { CRASHES } from "./crashes.ts";
import { DiskFiles } from "./files.ts";
import { HANDOVER } from "./handover.ts";
import { LIVES } from "./lives.ts";
import { READ_ONLY } from "./read_only.ts";
import { REFUSALS } from "./refusals.ts";

const PARTS: readonly PersistencePart[] = [LIVES, CRASHES, HANDOVER, REFUSALS, READ_ONLY];

/** Requests that hang are found sooner than the default would. */
const CASE_LIMIT_MS = 240_000;

export async function runParts(
  stage: StageRun,
  parts: readonly PersistencePart[],
): Promise<void> {
  await useModule(stage.scope, stage.signal);
  const make = async (): Promise<Disks> => ({
    main: await makeLoop(stage.scope, stage.workdir, { sectors: MAIN_SECTORS }),
    spare: await makeLoop(stage.scope, stage.workdir, { sectors: SPARE_SECTORS }),
  });
  const [loops, copies] = [await make(), await make()];
  const disks = [loops, copies].flatMap(({ main, spare }) => [main, spare]);
  const files = DiskFiles.open(stage.scope, disks);
  const around = (scope: Scope, run: PersistenceCase["run"]) =>
    run(new PersistenceBench(scope, stage, loops, copies, files));
  await runAll(stage, parts, around, CASE_LIMIT_MS);
}

export const PERSISTENCE: Stage = {
  name: "persistence",
  summary: "removals, crashes, reloads, save and restore: the table and the data are the same",
  programs: ["losetup", "insmod", "rmmod", "modprobe"],
  run: (stage) => runParts(stage, PARTS),
};
