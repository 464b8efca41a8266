// SPDX-License-Identifier: GPL-2.0-only
// The corruption stage: metadata that were damaged while nobody looked.
import type { Stage } from "../../stage.ts";
import { runParts } from "../persistence/stage.ts";
import { BLOCKS } from "./blocks.ts";
import { ENTRIES } from "./entries.ts";

export const CORRUPTION: Stage = {
  name: "corruption",
  summary: "each block of the metadata damaged in turn: refused, or the same table",
  programs: ["losetup", "insmod", "rmmod", "modprobe"],
  run: (stage) => runParts(stage, [BLOCKS, ENTRIES]),
};
