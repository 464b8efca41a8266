// SPDX-License-Identifier: GPL-2.0-only
// The snapshot stage: snapshots of devices in use, and spares that are made anew from them.
import type { Stage } from "../../stage.ts";
import { runParts } from "../persistence/stage.ts";
import { RESTORED } from "./restored.ts";
import { TAKEN } from "./taken.ts";

export const SNAPSHOT: Stage = {
  name: "snapshot",
  summary: "snapshots of one moment under load, and spares that are made anew from them",
  programs: ["losetup", "insmod", "rmmod", "modprobe"],
  run: (stage) => runParts(stage, [TAKEN, RESTORED]),
};
