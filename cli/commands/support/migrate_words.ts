// SPDX-License-Identifier: GPL-2.0-only
// A migration as JSON fields and as words. Pure functions.
import type { MigrationReport } from "../../device/migrate/report.ts";
import type { SectorRange } from "../../device/sectors.ts";
import type { JsonFields } from "../../output/json.ts";
import type { Output } from "../../output/output.ts";
import { formatPairs } from "../../output/table.ts";
import { amount } from "./present.ts";

/** Why one ended: the words of the kernel, for people. */
const REASONS: Readonly<Record<string, string>> = {
  asked_to: "somebody cancelled it",
  new_spare: "the new spare does not take what is written, or cannot be read",
  old_spare: "the spare in use cannot be read",
  not_blank: "the new spare is not blank where the table is to be",
  full: "the new spare has too few slots",
  flush: "a device did not flush, so that nobody knows what it holds",
  incomplete: "not everything that is relocated could be copied",
  busy: "relocated sectors are written all the time, faster than they can be copied",
  memory: "there was not enough memory",
};

/** Why a migration ended, if not well. */
export function reasonWords({ reason }: MigrationReport): string {
  const words = REASONS[reason];
  return words === undefined ? `${reason}, the kernel log tells more` : words;
}

/** A migration as JSON fields. */
export function migrationFields(report: MigrationReport): JsonFields {
  return {
    state: report.state,
    progress_percent: report.progressPercent,
    copied_sectors: report.copied,
    total_sectors: report.total,
    lost_sectors: report.lost,
    reason: report.reason === "none" ? undefined : report.reason,
  };
}

/** What `--status` shows. */
export function migrationPairs(name: string, report: MigrationReport, out: Output): string {
  if (report.state === "none") return `${name}: no migration since the device was activated`;
  const { units } = out;
  const ill = report.state === "failed" || report.state === "stopped";
  return `${name}: ${
    report.state === "running" ? "migrating" : `last migration ${report.state}`
  }\n` +
    formatPairs([
      ["copied", `${report.progressPercent}%, ${amount(report.copied, units)}`],
      ["in all", amount(report.total, units)],
      ["lost", amount(report.lost, units)],
      ...ill ? [["reason", reasonWords(report)] as [string, string]] : [],
    ]);
}

/** Sectors for people: as many as one reads. */
export function rangeWords(ranges: readonly SectorRange[], most = 20): string {
  const words = ranges.slice(0, most).map(({ first, count }) =>
    count === 1n ? `${first}` : `${first}-${first + count - 1n}`
  );
  const more = ranges.length - words.length;
  return words.join(" ") + (more > 0 ? ` and ${more} more ranges` : "");
}
