// SPDX-License-Identifier: GPL-2.0-only
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { formatTable } from "../device/table_line.ts";
import { document } from "./support/command_doc.ts";
import { tableFields } from "./support/present.ts";
import type { Session } from "./support/session.ts";

/** `table NAME` */
export function registerTable(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("table")
    .summary("show the dm table line of a device")
    .description("Prints the table line as it was loaded, ready for `dmsetup create`.")
    .argument("<name>", "the device")
    .action(async (name) => {
      await session.withDevice(name, (device) => {
        const table = device.table();
        session.out.result(
          { name: device.name, table: tableFields(table) },
          () => formatTable(table),
        );
      });
    });
  document(command, {
    examples: [
      ["table r0 >r0.table", "keep the line, to create the same device again"],
      ["table r0 --json", "the line and its fields"],
    ],
    exits: [0, 1, 2, 6, 130],
  });
}
