// SPDX-License-Identifier: GPL-2.0-only
// What is the matter with a device and what to do about it, the most urgent first: pure functions
// of what the target says. docs/health.md explains each id.
import type { HealthReason } from "../../device/health.ts";
import type { RemapStatus } from "../../device/status_line.ts";
import type { RemapFeatures } from "../../device/table_line.ts";
import { countOf } from "../../output/units.ts";

/** One thing that is the matter. */
export interface Condition {
  /** Stable: scripts and documents refer to it. */
  readonly id: ConditionId;
  /** What is the matter, as a sentence without its full stop. */
  readonly status: string;
  /** What to do about it. */
  readonly action: string;
}

/** Everything that can be the matter. */
export const CONDITION_IDS = [
  "device-suspended",
  "device-failed",
  "main-not-answering",
  "spare-not-answering",
  "relocation-paused",
  "metadata-read-only",
  "spare-full",
  "spare-nearly-full",
  "remaps-used-up",
  "remaps-nearly-used-up",
  "sectors-lost",
  "sectors-pending",
  "bad-slots",
  "many-relocations",
  "device-errors",
  "writes-failing",
  "data-changed",
  "nothing-relocated",
  "unknown-reason",
  "table-in-memory",
] as const;
/** One of {@linkcode CONDITION_IDS}. */
export type ConditionId = (typeof CONDITION_IDS)[number];

/** What a device says of itself. */
export interface Patient {
  readonly name: string;
  readonly suspended: boolean;
  readonly status: RemapStatus;
  readonly features: RemapFeatures;
  readonly reasons: readonly HealthReason[];
}

/** Everything that is the matter with a device. */
export function conditionsOf(patient: Patient): Condition[] {
  const found = [
    ...ofMode(patient),
    ...patient.reasons.flatMap((reason) => ofReason(patient, reason)),
    ...ofTable(patient),
  ];
  return found.sort((a, b) => CONDITION_IDS.indexOf(a.id) - CONDITION_IDS.indexOf(b.id));
}

/** A condition as one sentence. */
export function conditionSentence({ status, action }: Condition): string {
  return `${status}: ${action}`;
}

function ofMode({ name, suspended, status }: Patient): Condition[] {
  const found: Condition[] = [];
  if (suspended) {
    found.push({
      id: "device-suspended",
      status: "the device is suspended, all I/O to it waits",
      action: `\`dmsetup resume ${name}\`, unless somebody is at work on it`,
    });
  }
  if (status.mode === "fail") {
    found.push({
      id: "device-failed",
      status: "the target has given up",
      action: "copy what can still be read to another disk now; the kernel log says why",
    });
  } else if (status.mode === "ro") {
    found.push({
      id: "nothing-relocated",
      status: "the target may not write: what is relocated is served, nothing more is relocated",
      action: "load the table for writing, or find out from the kernel log why it may not",
    });
  }
  return found;
}

function ofTable({ name, status, features }: Patient): Condition[] {
  if (!features.volatile || status.remapped === 0n) return [];
  return [{
    id: "table-in-memory",
    status: "the table of relocated sectors lives in memory only",
    action:
      `run \`dmremap-ts clear ${name}\` before the device is removed or the machine goes down`,
  }];
}

const REPLACE = "check that the backup is good, and replace the disk: `dmremap-ts replace --help`";

type Explain = (patient: Patient, value: bigint) => Condition;

const left = (
  none: Condition,
  few: (percent: bigint) => Condition,
): Explain =>
(_patient, percent) => percent === 0n ? none : few(percent);

const REMAPS_ACTION =
  "plan to replace the disk; until then, load its table with a larger max_remaps";

/** What each word of the target means. */
const EXPLANATIONS: Readonly<Record<string, Explain>> = {
  main_dead: () => ({
    id: "main-not-answering",
    status: "the main device does not answer",
    action: "look at its cable, power and controller, and at the kernel log; " +
      "once it answers again the device serves again by itself",
  }),
  spare_dead: ({ name }) => ({
    id: "spare-not-answering",
    status: "the spare device does not answer, so relocated sectors cannot be read",
    action:
      `bring it back (cable, power, controller), then \`dmremap-ts assemble ${name}\`; do not ` +
      `remove ${name} before that`,
  }),
  storm: () => ({
    id: "relocation-paused",
    status: "so many sectors fail at once that none is relocated until the minute is over",
    action: "look at cable, power and controller first, sectors rarely go bad by the thousand; " +
      "if it is the disk, copy everything off it",
  }),
  metadata_ro: ({ name }) => ({
    id: "metadata-read-only",
    status: "the metadata on the spare cannot be written: nothing more is relocated",
    action: "find out what is wrong with the spare device; then " +
      `\`dmremap-ts assemble ${name}\`, or \`dmremap-ts migrate ${name} NEW_SPARE\``,
  }),
  slots_left: left(
    {
      id: "spare-full",
      status: "the spare is full, the next failing sector cannot be relocated",
      action: REPLACE,
    },
    (percent) => ({
      id: "spare-nearly-full",
      status: `only ${percent}% of the spare is left`,
      action: "plan to replace the disk: `dmremap-ts replace --help`",
    }),
  ),
  remaps_left: left(
    {
      id: "remaps-used-up",
      status: "max_remaps is reached, the next failing sector cannot be relocated",
      action: REMAPS_ACTION,
    },
    (percent) => ({
      id: "remaps-nearly-used-up",
      status: `only ${percent}% of max_remaps is left`,
      action: REMAPS_ACTION,
    }),
  ),
  bad_slots: ({ name }, count) => ({
    id: "bad-slots",
    status: `${countOf(count, "slot")} of the spare ${count === 1n ? "has" : "have"} gone bad`,
    action: "check the spare device too (smartctl), and plan to move to another one: " +
      `\`dmremap-ts migrate ${name} NEW_SPARE\``,
  }),
  relocated: (_patient, count) => ({
    id: "many-relocations",
    status: `${countOf(count, "sector")} had to be relocated within the last hour`,
    action: "bring the backup up to date now, and plan to replace the disk",
  }),
  device_errors: (_patient, count) => ({
    id: "device-errors",
    status: `${countOf(count, "request")} failed on the way to a device within the last hour`,
    action: "look at cables, power and controller, and at the kernel log; " +
      "no sector was relocated for it",
  }),
  write_errors: ({ name }, count) => ({
    id: "writes-failing",
    status: `${countOf(count, "write")} failed within the last hour, ` +
      "and the target may not relocate by itself (no_auto_remap)",
    action:
      `relocate the sectors (\`dmremap-ts remap ${name} SECTORS\`, the kernel log has them), ` +
      "or load the table without no_auto_remap",
  }),
  verify_errors: (_patient, count) => ({
    id: "data-changed",
    status: `${countOf(count, "block")} did not read as ${count === 1n ? "it was" : "they were"} ` +
      "written: something changes data without an error",
    action: "test the memory, change cable and controller, then the disk; " +
      "restore these sectors from a backup",
  }),
};

function ofReason(patient: Patient, reason: HealthReason): Condition[] {
  if (reason.word === "lost") return lostSectors(patient, reason.value ?? 0n);
  if (reason.word === "pending") return pendingSectors(patient, reason.value ?? 0n);
  const explain = EXPLANATIONS[reason.word];
  return [explain === undefined ? unknown(reason) : explain(patient, reason.value ?? 0n)];
}

/** Pending sectors are among the lost ones, and have an entry of their own. */
function lostSectors({ name, reasons }: Patient, lost: bigint): Condition[] {
  const pending = reasons.find(({ word }) => word === "pending")?.value ?? 0n;
  if (lost <= pending) return [];
  const count = lost - pending;
  return [{
    id: "sectors-lost",
    status: `the content of ${countOf(count, "relocated sector")} is lost, ` +
      `reading ${count === 1n ? "it" : "them"} gives an error`,
    action: restore(name, count),
  }];
}

function pendingSectors({ name }: Patient, count: bigint): Condition[] {
  return [{
    id: "sectors-pending",
    status: `${countOf(count, "sector")} of the main device cannot be read`,
    action: restore(name, count),
  }];
}

function restore(name: string, count: bigint): string {
  return `find the files they belong to (\`dmremap-ts entries ${name}\` lists the sectors) and ` +
    `write them again from a backup; writing heals ${count === 1n ? "it" : "them"}`;
}

function unknown({ word, value, percent }: HealthReason): Condition {
  const number = value === undefined ? "" : `: ${value}${percent ? "%" : ""}`;
  return {
    id: "unknown-reason",
    status: `the target says ${word}${number}, which this program does not know`,
    action: "use the program and the module of one version: `dmremap-ts kmod status`",
  };
}
