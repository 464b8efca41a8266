// SPDX-License-Identifier: GPL-2.0-only
// What was restored, and what not, and why: for people and for programs.
import { printable } from "../device/spare/owner.ts";
import type { JsonFields } from "../output/json.ts";
import { countOf } from "../output/units.ts";
import { extentsOf } from "../restore/place.ts";
import type { Fates, Outcome } from "../restore/job.ts";
import type { SlotComparison } from "../restore/slots.ts";
import { type Group, groupsOf, sumSpans, unconfirmed } from "../restore/summary.ts";
import type { Decision, Reason, Span } from "../restore/types.ts";
import type { Witness } from "../restore/witness.ts";
import { headFields, localTime } from "./snapshot_common.ts";
import type { CheckedMain } from "./snapshot_restore_main.ts";
import type { Testimony } from "./snapshot_restore_sources.ts";
import type { Site } from "./snapshot_restore_target.ts";

export interface Report {
  readonly fates: Fates;
  readonly testimony: Testimony;
  readonly site: Site;
  readonly mainDevice: CheckedMain | undefined;
  /** What the slots that are kept hold, beside what the snapshot has. */
  readonly slots: SlotComparison | undefined;
  readonly dryRun: boolean;
  readonly outcome?: Outcome | undefined;
}

const WHY: Readonly<Record<Reason, string>> = {
  "snapshot": "as in the snapshot",
  "slot-agrees": "the slot is that of the snapshot still",
  "on-main": "on main",
  "was-lost": "lost at the snapshot already",
  "no-content": "the snapshot has no content of them",
  "relocated": "relocated after the snapshot",
  "moved": "relocated anew after the snapshot",
  "returned": "back on main in the meantime",
  "written": "written after the snapshot",
  "rewritten": "their content is another one since",
  "slot-taken": "their slots went to other sectors",
  "lost-since": "lost after the snapshot",
  "order-unknown": "somewhere else, and nobody knows which is later",
  "named": "named with --lost",
  "slot-unreadable": "their slots could not be read",
};

/** What everybody has to know, whatever else is hidden. */
export function warningsOf({ fates, testimony, slots }: Report): string[] {
  const { decisions, head } = fates;
  const warnings: string[] = [];
  const open = unconfirmed(fates);
  if (open > 0) {
    warnings.push(
      `${countOf(open, "sector")} will have the content of ${localTime(head.takenAt)}: no table ` +
        "tells whether they were written after that; check them against a backup",
    );
  }
  if (!testimony.complete) {
    warnings.push(
      `what was relocated after ${lastTime(fates)} is not known: such sectors show what main ` +
        "held before, without an error; if you know some (the kernel log has them), name them " +
        "with --lost",
    );
  }
  const { oldSpare, oldPath } = testimony;
  for (const problem of oldSpare?.problems ?? []) warnings.push(`${oldPath}: ${problem}`);
  if (oldSpare?.device === undefined && oldPath !== undefined) {
    warnings.push(`${oldPath}: nothing on it says whose spare it was`);
  }
  const kept = sectorsWith(decisions, "kept");
  if (kept > 0) {
    warnings.push(`the content of ${countOf(kept, "sector")} is what the slots hold${held(slots)}`);
  }
  if (testimony.active !== undefined) {
    warnings.push(
      `${testimony.active} is in use still: remove it before anything is done with the new spare`,
    );
  }
  return warnings;
}

/** What is good to know. */
export function remarksOf({ fates, mainDevice }: Report): string[] {
  if (mainDevice === undefined) {
    return [
      `the main device of ${printable(fates.device.name) || "it"} was not looked at: it is not ` +
      "here, or cannot be told from others (--main names it)",
    ];
  }
  if (mainDevice.identified) return [];
  return [`${mainDevice.path}: nothing but its sizes shows that it is the main device`];
}

function held(slots: SlotComparison | undefined): string {
  if (slots === undefined) return ", which nothing can be compared with";
  const { equal, differing, unreadable } = slots;
  const differ = differing === 0 ? "" : `, in ${differing} not: written since, or another's`;
  const silent = unreadable === 0 ? "" : `, and ${unreadable} cannot be read`;
  return `: in ${equal} what the snapshot has${differ}${silent}`;
}

function lastTime({ head, newest }: Fates): string {
  return localTime(newest?.at ?? head.takenAt);
}

const LINES = [
  ["content", "content"],
  ["kept", "kept"],
  ["lost", "lost"],
  ["pending", "pending"],
  ["wrong", "pending"],
  ["main", "on main"],
] as const;

/** Ranges that a person is shown of one kind. */
const SHOWN = 12;

export function wordsOf(report: Report, verbose: boolean): string {
  const { fates, site, dryRun, outcome } = report;
  const { head, decisions } = fates;
  const name = printable(head.device.name) || "a device without a name";
  const does = dryRun ? "would be restored" : "restored";
  const lines = [
    `snapshot ${head.id} of ${name} (${localTime(head.takenAt)}) ${does} to ${site.path}`,
  ];
  for (const [fate, words] of LINES) {
    for (const group of groupsOf(decisions).filter((each) => each.fate === fate)) {
      lines.push(...groupLines(words, group, report, verbose));
    }
  }
  if (outcome !== undefined && outcome.missing.length > 0) {
    const sectors = countOf(sumSpans(outcome.missing), "sector");
    lines.push(`  lost      ${sectors}: ${WHY["slot-unreadable"]}`);
    lines.push(`            ${ranges(outcome.missing, verbose)}`);
  }
  if (decisions.length === 0) lines.push("  nothing is relocated: the table is empty");
  return lines.join("\n");
}

function groupLines(
  words: string,
  { reason, by, spans, sectors }: Group,
  { fates }: Report,
  verbose: boolean,
): string[] {
  const witness = by < 0 ? undefined : fates.witnesses[by];
  const says = witness === undefined ? "" : `, says ${witnessWords(witness)}`;
  return [
    `  ${words.padEnd(9)} ${countOf(sectors, "sector")}: ${WHY[reason]}${says}`,
    `            ${ranges(spans, verbose)}`,
  ];
}

function witnessWords({ kind, id, place, at }: Witness): string {
  if (kind === "snapshot") return `snapshot ${id} (${localTime(at)})`;
  return kind === "spare" ? `the spare ${place}` : `the device ${place} in use`;
}

function ranges(spans: readonly Span[], verbose: boolean): string {
  const shown = verbose ? spans : spans.slice(0, SHOWN);
  const more = spans.length - shown.length;
  const words = shown.map(({ first, length }) => length === 1 ? `${first}` : `${first}+${length}`);
  return words.join(" ") + (more > 0 ? ` and ${countOf(more, "range")} more (-v)` : "");
}

export function jsonOf(report: Report): JsonFields {
  const { fates, testimony, site, mainDevice, slots, dryRun, outcome } = report;
  const { head, decisions, witnesses } = fates;
  const { ground } = site;
  return {
    dry_run: dryRun || undefined,
    snapshot: headFields(head),
    target: {
      path: site.path,
      spare_start_sectors: ground.spareStart,
      spare_length_sectors: ground.spareSectors,
      slots_written: site.write === "new",
      set_uuid: outcome?.superblock.uuid,
      generation: outcome?.superblock.generation,
      entries: extentsOf(site.placement).length,
    },
    main: mainDevice === undefined
      ? null
      : { path: mainDevice.path, identified: mainDevice.identified },
    known_by: witnesses.map(witnessFields),
    older_snapshots: testimony.older,
    known_until: testimony.complete ? null : fates.newest?.at ?? head.takenAt,
    restored_sectors: sectorsWith(decisions, "content"),
    unconfirmed_sectors: unconfirmed(fates),
    kept_sectors: sectorsWith(decisions, "kept"),
    slots_equal_sectors: slots?.equal,
    slots_differ_sectors: slots?.differing,
    slots_unreadable_sectors: slots?.unreadable,
    lost_sectors: sectorsWith(decisions, "lost") + sumSpans(outcome?.missing ?? []),
    pending_sectors: sectorsWith(decisions, "pending") + sectorsWith(decisions, "wrong"),
    main_sectors: sectorsWith(decisions, "main"),
    sectors: decisions.map(decisionFields),
    unreadable_slots: (outcome?.missing ?? []).map(({ first, length }) => ({
      start_sectors: first,
      length_sectors: length,
    })),
    warnings: warningsOf(report),
    remarks: remarksOf(report),
  };
}

function witnessFields({ kind, id, place, at, knowledge, generation }: Witness): JsonFields {
  return {
    kind,
    id,
    path: place,
    at,
    generation,
    certainly_newer: knowledge.order === "newer",
    whole: knowledge.partial !== true,
  };
}

function decisionFields({ first, length, fate, reason, by, was, slot }: Decision): JsonFields {
  return {
    start_sectors: first,
    length_sectors: length,
    becomes: fate,
    reason,
    known_by: by < 0 ? null : by,
    was,
    slot_sectors: slot === 0 ? undefined : slot,
  };
}

function sectorsWith(decisions: readonly Decision[], fate: Decision["fate"]): number {
  return sumSpans(decisions.filter((each) => each.fate === fate));
}
