// SPDX-License-Identifier: GPL-2.0-only
// The errors stage: disks that fail in every way that this kernel can do.
import { makeLoop } from "../../loops.ts";
import { useModule } from "../../module.ts";
import { runAll } from "../../parts.ts";
import type { Disks } from "../../rig.ts";
import type { Stage, StageRun } from "../../stage.ts";
import { ErrorsBench, type ErrorsPart, MAIN_SECTORS, SPARE_SECTORS } from "./bench.ts";
import { DEAD } from "./dead.ts";
import { DRIVERS } from "./drivers.ts";
import { GEOMETRY } from "./geometry.ts";
import { FAULT_DISKS } from "./guest_disks.ts";
import { HELD } from "./held.ts";
import { MEMORY } from "./memory.ts";
import { NEWS } from "./news.ts";
import { PENDING } from "./pending.ts";
import { QEMU } from "./qemu.ts";
import { READS } from "./reads.ts";
import { SCSI } from "./scsi.ts";
import { SPARE } from "./spare.ts";
import { STORM } from "./storm.ts";
import { TRANSIENT } from "./transient.ts";
import { WRITES } from "./writes.ts";

const PARTS: readonly ErrorsPart[] = [
  ...[WRITES, READS, PENDING, TRANSIENT, SPARE, DEAD, SCSI],
  ...[STORM, GEOMETRY, HELD, NEWS, DRIVERS, MEMORY, QEMU],
];

/** Requests that hang are found sooner than the default would. */
const CASE_LIMIT_MS = 240_000;

async function run(stage: StageRun): Promise<void> {
  await useModule(stage.scope, stage.signal);
  const loops: Disks = {
    main: await makeLoop(stage.scope, stage.workdir, { sectors: MAIN_SECTORS }),
    spare: await makeLoop(stage.scope, stage.workdir, { sectors: SPARE_SECTORS }),
  };
  await runAll(stage, PARTS, async (scope, run) => {
    const bench = new ErrorsBench(scope, stage, loops);
    await run(bench);
    await bench.checkPromises();
  }, CASE_LIMIT_MS);
}

export const ERRORS: Stage = {
  name: "errors",
  summary: "bad sectors, dying disks and spares, and everything that is no sector's fault",
  programs: ["losetup", "insmod", "rmmod", "modprobe", "addpart", "mount"],
  guestDisks: FAULT_DISKS,
  run,
};
