// SPDX-License-Identifier: GPL-2.0-only
//
// What runs in guests while the module counts.
import { STAGES } from "../../cli/selftest/stages.ts";
import type { GuestDisk } from "../../cli/lab/guest.ts";

export interface GuestRun {
  readonly name: string;
  /** Deno's arguments from the program on, below the repository. */
  readonly command: readonly string[];
  readonly disks: readonly GuestDisk[];
}

/** The stages that judge the module; the others use it as these do. */
const STAGE_NAMES = [
  "functional",
  "errors",
  "persistence",
  "corruption",
  "migration",
  "hotplug",
  "scan",
  "verify",
  "leak",
];

function stageRun(name: string): GuestRun {
  const stage = STAGES.find((each) => each.name === name);
  if (stage === undefined) throw new Error(`no such stage: ${name}`);
  const options = ["--native", "--seed", "1", "--duration", "5", "--no-figures"];
  return {
    name,
    command: ["cli/main.ts", "selftest", name, ...options],
    disks: stage.guestDisks ?? [],
  };
}

export const GUEST_RUNS: readonly GuestRun[] = STAGE_NAMES.map(stageRun);
