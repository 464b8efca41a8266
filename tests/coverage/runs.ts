// SPDX-License-Identifier: GPL-2.0-only
//
// What runs in guests while the module counts.
import { STAGES } from "../../cli/selftest/stages.ts";
import type { GuestDisk } from "../../cli/lab/guest.ts";
import { SECTOR_BYTES } from "../model/stamps.ts";
import { DISK_SECTORS } from "../model/variants.ts";

export interface StageRun {
  readonly name: string;
  /** Deno's arguments from the program on, below the repository. */
  readonly command: readonly string[];
  readonly disks: readonly GuestDisk[];
}

/** A part of a suite whose guest has a program of its own. */
export interface SuiteRun {
  readonly name: string;
  readonly suite: "model" | "sweep";
  readonly args: readonly string[];
  readonly disks: readonly GuestDisk[];
}

export type GuestRun = StageRun | SuiteRun;

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

function stageRun(name: string): StageRun {
  const stage = STAGES.find((each) => each.name === name);
  if (stage === undefined) throw new Error(`no such stage: ${name}`);
  const options = ["--native", "--seed", "1", "--duration", "5", "--no-figures"];
  return {
    name,
    command: ["cli/main.ts", "selftest", name, ...options],
    disks: stage.guestDisks ?? [],
  };
}

const SUITES: readonly SuiteRun[] = [
  {
    name: "model",
    suite: "model",
    args: ["--operations", "240"],
    disks: Object.entries(DISK_SECTORS).map(([serial, sectors]) => ({
      serial,
      sizeBytes: sectors * SECTOR_BYTES,
    })),
  },
  {
    name: "sweep",
    suite: "sweep",
    args: ["--short"],
    disks: [],
  },
];

export const GUEST_RUNS: readonly GuestRun[] = [...STAGE_NAMES.map(stageRun), ...SUITES];
