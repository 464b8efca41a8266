// SPDX-License-Identifier: GPL-2.0-only
// verify_reads: what is not what was written is an error, and nothing else is.
import { useModule } from "../module.ts";
import type { Stage, StageRun } from "../stage.ts";
import { FINDS } from "./verify_finds.ts";
import { QUIET } from "./verify_quiet.ts";

/** fio takes its time on a kernel with all checks. */
const CASE_LIMIT_MS = 400_000;

async function run(stage: StageRun): Promise<void> {
  await useModule(stage.scope, stage.signal);
  for (const [step, cases] of [["finds", FINDS], ["no false alarm", QUIET]] as const) {
    stage.step(step);
    for (const { name, run } of cases) {
      await stage.case(name, (scope) => run(stage, scope), CASE_LIMIT_MS);
    }
  }
}

export const VERIFY: Stage = {
  name: "verify",
  summary: "disks that rot or misread: an error and never wrong bytes, and no false alarm",
  programs: [
    ...["losetup", "insmod", "rmmod", "fio", "mount", "umount", "mkfs.ext4", "e2fsck"] as const,
    "fstrim",
  ],
  run,
};
