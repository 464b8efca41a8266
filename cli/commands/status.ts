// SPDX-License-Identifier: GPL-2.0-only
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { RemapStatus } from "../device/status_line.ts";
import type { JsonFields } from "../output/json.ts";
import type { Output } from "../output/output.ts";
import { formatPairs } from "../output/table.ts";
import { countOf, formatLength, formatPosition, type Units } from "../output/units.ts";
import { conditionSentence } from "./support/advice.ts";
import { document } from "./support/command_doc.ts";
import { devicePath } from "./support/device_paths.ts";
import {
  conditionPairs,
  type Examination,
  examinationFields,
  examineAll,
  headline,
} from "./support/examine.ts";
import { amount, statusFields } from "./support/present.ts";
import type { Session } from "./support/session.ts";

/** `status [NAME...]` */
export function registerStatus(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("status")
    .summary("health, counters, and what to do next")
    .description("Shows how remap devices are; all of them if no NAME is given.")
    .argument("[name...]", "the devices")
    .action(async (typed) => {
      const reports = await examineAll(session, typed);
      session.out.result(
        { devices: reports.map(fields) },
        () => reports.map((report) => human(session.out, report)).join("\n\n"),
      );
    });
  document(command, {
    examples: [
      ["status", "all devices"],
      ["status r0 --units b", "one device, amounts in bytes"],
      ["status --quiet r0 >/dev/null || mail -s 'r0 is not well' root", "from cron"],
    ],
    exits: [0, 1, 2, 3, 6, 130],
  });
}

function fields(report: Examination): JsonFields {
  const { status, table, conditions } = report;
  return {
    ...statusFields(status),
    ...examinationFields(report),
    length_sectors: table.length,
    volatile: table.features.volatile ?? false,
    advice: conditions.map(conditionSentence),
  };
}

function human(out: Output, report: Examination): string {
  const { units } = out;
  const { table, status } = report;
  const pairs: [string, string][] = [
    ...conditionPairs(report),
    ["size", formatLength(table.length, units)],
    ["main", place(table.main, table.mainStart, units)],
    ["spare", place(table.spare, table.spareStart, units)],
    ["remapped", amount(status.remapped, units)],
    ["lost", lostWords(status, out)],
    ["spare used", spareWords(status, out)],
    ["relocated", `${status.autoRemaps} automatically, ${status.manualRemaps} by hand`],
    ["errors", errorWords(status)],
    ["scan", `${status.scanProgressPercent}%`],
    ["mode", status.mode ?? "unknown"],
  ];
  const { migration, migrationPercent } = status;
  if (migration !== undefined && migration !== "none") {
    const progress = migration === "running" ? `, ${migrationPercent}%` : "";
    pairs.push(["migration", `${migration}${progress}`]);
  }
  if (table.features.volatile) pairs.push(["table", "in memory only (volatile)"]);
  for (const [key, value] of status.extra) pairs.push([key, value]);
  return `${headline(out, report)}\n${formatPairs(pairs)}`;
}

function place(device: string, start: bigint, units: Units): string {
  const from = start === 0n
    ? ""
    : ` from ${units === "b" ? "byte" : "sector"} ${formatPosition(start, units)}`;
  return `${devicePath(device)}${from}`;
}

function lostWords(status: RemapStatus, out: Output): string {
  const words = amount(status.lost, out.units);
  return status.pending ? `${words}, ${status.pending} of them pending` : words;
}

function spareWords(status: RemapStatus, out: Output): string {
  const { spareUsed, spareTotal, spareUsedPercent, spareBad } = status;
  const bad = spareBad === undefined || spareBad === 0n ? "" : `, ${countOf(spareBad, "slot")} bad`;
  const total = formatLength(spareTotal, out.units);
  return `${formatLength(spareUsed, out.units)} of ${total} (${spareUsedPercent}%)${bad}`;
}

function errorWords(status: RemapStatus): string {
  const all: [string, bigint | undefined][] = [
    ["write", status.writeErrors],
    ["read", status.readErrors],
    ["verify", status.verifyErrors],
    ["transport", status.transportErrors],
  ];
  return all.flatMap(([kind, count]) => count === undefined ? [] : `${count} ${kind}`).join(", ");
}
