// SPDX-License-Identifier: GPL-2.0-only
// The background read scan, over disks whose sectors fail where they are told to.
import { makeLoop } from "../loops.ts";
import { useModule } from "../module.ts";
import type { Disks } from "../rig.ts";
import type { Stage, StageRun } from "../stage.ts";
import { BESIDE_CASES, PATROL_CASES } from "./scan_beside.ts";
import { MAIN_SECTORS, ScanBench, type ScanCase, SPARE_SECTORS } from "./scan_bench.ts";
import { CONTROL_CASES } from "./scan_control.ts";
import { FINDING_CASES } from "./scan_finds.ts";

const PARTS: readonly (readonly [step: string, cases: readonly ScanCase[]])[] = [
  ["what it finds", FINDING_CASES],
  ["control", CONTROL_CASES],
  ["beside other I/O", BESIDE_CASES],
  ["patrol", PATROL_CASES],
];

async function run(stage: StageRun): Promise<void> {
  await useModule(stage.scope, stage.signal);
  const disks: Disks = {
    main: await makeLoop(stage.scope, stage.workdir, { sectors: MAIN_SECTORS }),
    spare: await makeLoop(stage.scope, stage.workdir, { sectors: SPARE_SECTORS }),
  };
  for (const [step, cases] of PARTS) {
    stage.step(step);
    for (const { name, run } of cases) {
      await stage.case(name, (scope) => run(new ScanBench(scope, stage, disks)));
    }
  }
}

export const SCAN: Stage = {
  name: "scan",
  summary: "background scans: what they find, control, giving way, patrols",
  programs: ["losetup", "insmod", "rmmod", "modprobe", "dmesg", "fio"],
  run,
};
