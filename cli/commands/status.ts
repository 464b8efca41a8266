// SPDX-License-Identifier: GPL-2.0-only
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { listRemapDevices, RemapDevice } from "../device/remap_device.ts";
import { isDegraded, type RemapStatus } from "../device/status_line.ts";
import type { RemapTable } from "../device/table_line.ts";
import type { JsonFields } from "../output/json.ts";
import type { Output } from "../output/output.ts";
import { formatPairs } from "../output/table.ts";
import { formatLength, formatPosition, type Units } from "../output/units.ts";
import { adviseOn } from "./support/advice.ts";
import { document } from "./support/command_doc.ts";
import { devicePath } from "./support/device_paths.ts";
import { deviceName } from "./support/names.ts";
import { amount, healthTone, statusFields } from "./support/present.ts";
import type { Session } from "./support/session.ts";

interface Report {
  readonly name: string;
  readonly suspended: boolean;
  readonly table: RemapTable;
  readonly status: RemapStatus;
}

/** `status [NAME...]` */
export function registerStatus(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("status")
    .summary("health, counters, and what to do next")
    .description("Shows how remap devices are; all of them if no NAME is given.")
    .argument("[name...]", "the devices")
    .action((typed) => {
      const names = typed.map(deviceName);
      using dm = session.openDeviceMapper();
      const devices = names.length === 0
        ? listRemapDevices(dm)
        : names.map((name) => RemapDevice.open(dm, name));
      const reports = devices.map(reportOn);
      if (reports.some(({ status }) => isDegraded(status))) session.degraded();
      if (reports.length === 0) session.out.note("no remap devices");
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

function reportOn(device: RemapDevice): Report {
  return {
    name: device.name,
    suspended: device.info().suspended,
    table: device.table(),
    status: device.status(),
  };
}

function fields({ name, suspended, table, status }: Report): JsonFields {
  return {
    name,
    suspended,
    length_sectors: table.length,
    volatile: table.features.volatile ?? false,
    ...statusFields(status),
    advice: adviseOn(name, status, table.features),
  };
}

function human(out: Output, { name, suspended, table, status }: Report): string {
  const { units } = out;
  const pairs: [string, string][] = [
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
  if (table.features.volatile) pairs.push(["table", "in memory only (volatile)"]);
  for (const [key, value] of status.extra) pairs.push([key, value]);
  const advice = adviseOn(name, status, table.features);
  const steps = advice.length === 0 ? ["nothing"] : advice;
  for (const [index, step] of steps.entries()) pairs.push([index === 0 ? "to do" : "then", step]);
  const health = out.tint(healthTone(status.health), status.health);
  return `${name}: ${health}${suspended ? ", suspended" : ""}\n${formatPairs(pairs)}`;
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
  const bad = spareBad === undefined || spareBad === 0n ? "" : `, ${spareBad} bad`;
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
