// SPDX-License-Identifier: GPL-2.0-only
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { listRemapDevices, type RemapDevice } from "../device/remap_device.ts";
import type { RemapStatus } from "../device/status_line.ts";
import type { RemapTable } from "../device/table_line.ts";
import type { Output } from "../output/output.ts";
import { formatColumns } from "../output/table.ts";
import { formatLength } from "../output/units.ts";
import { document } from "./support/command_doc.ts";
import { devicePath } from "./support/device_paths.ts";
import { healthTone, statusFields, tableFields } from "./support/present.ts";
import type { Session } from "./support/session.ts";

interface Row {
  readonly name: string;
  readonly table: RemapTable;
  readonly status: RemapStatus;
}

const COLUMNS = [
  { heading: "NAME" },
  { heading: "MAIN" },
  { heading: "SPARE" },
  { heading: "SIZE", numeric: true },
  { heading: "REMAPPED", numeric: true },
  { heading: "LOST", numeric: true },
  { heading: "SPARE USED", numeric: true },
  { heading: "HEALTH" },
];

/** `list` */
export function registerList(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("list")
    .summary("show the remap devices of this machine")
    .description("Lists the device-mapper devices that have a remap target.")
    .option("--names", "print the names only, one a line")
    .action((options) => {
      using dm = session.openDeviceMapper();
      const devices = listRemapDevices(dm);
      if (options.names) return printNames(session.out, devices);
      const rows = devices.map((device) => ({
        name: device.name,
        table: device.table(),
        status: device.status(),
      }));
      session.out.result({ devices: rows.map(fields) }, () => human(session.out, rows));
    });
  document(command, {
    examples: [
      ["list", "one line a device"],
      ["list --json", "the same for a script"],
      ["list --names", "what shell completion asks for"],
    ],
    exits: [0, 1, 2, 6, 130],
  });
}

function printNames(out: Output, devices: readonly RemapDevice[]): void {
  const names = devices.map((device) => device.name);
  out.result({ names }, () => names.join("\n"));
}

function fields({ name, table, status }: Row) {
  return { name, table: tableFields(table), status: statusFields(status) };
}

function human(out: Output, rows: readonly Row[]): string {
  if (rows.length === 0) {
    out.note("no remap devices");
    return "";
  }
  return formatColumns(
    COLUMNS,
    rows.map(({ name, table, status }) => [
      name,
      devicePath(table.main),
      devicePath(table.spare),
      formatLength(table.length, out.units),
      `${status.remapped}`,
      `${status.lost}`,
      `${status.spareUsed}/${status.spareTotal}`,
      out.tint(healthTone(status.health), status.health),
    ]),
  );
}
