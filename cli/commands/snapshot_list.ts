// SPDX-License-Identifier: GPL-2.0-only
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { printable } from "../device/spare/owner.ts";
import { formatColumns } from "../output/table.ts";
import { formatBytes, type Units } from "../output/units.ts";
import type { SnapshotHead } from "../store/types.ts";
import {
  DEFAULT_STORE,
  filterOf,
  headFields,
  localTime,
  openForReading,
  STORE_OPTION,
} from "./snapshot_common.ts";
import { document } from "./support/command_doc.ts";
import type { Session } from "./support/session.ts";

/** `snapshot list [DEVICE]` */
export function registerSnapshotList(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("list")
    .summary("show which snapshots there are")
    .description("Lists the snapshots in the store, the oldest first.")
    .argument("[device]", "the name that the device had when they were taken")
    .option(...STORE_OPTION, DEFAULT_STORE)
    .action((device, { store: path }) => {
      const filter = filterOf(device);
      using store = openForReading(path);
      const heads = store.heads(filter);
      if (heads.length === 0) {
        session.out.note(device === undefined ? "no snapshots" : `no snapshots of ${device}`);
      }
      session.out.result(
        { store: path, snapshots: heads.map(headFields) },
        () => heads.length === 0 ? "" : table(heads, session.out.units),
      );
    });
  document(command, {
    examples: [
      ["snapshot list", "all of them"],
      ["snapshot list r0 --json | jq '.snapshots[-1].id'", "the number of the last one of r0"],
    ],
    exits: [0, 1, 2, 4, 5, 130],
  });
}

function table(heads: readonly SnapshotHead[], units: Units): string {
  return formatColumns(
    [
      { heading: "ID", numeric: true },
      { heading: "DEVICE" },
      { heading: "TAKEN" },
      { heading: "REMAPPED", numeric: true },
      { heading: "LOST", numeric: true },
      { heading: "PENDING", numeric: true },
      { heading: "CONTENT", numeric: true },
      { heading: "HEALTH" },
      { heading: "REASON" },
    ],
    heads.map((head) => [
      `${head.id}`,
      head.device.name === "" ? "-" : printable(head.device.name),
      localTime(head.takenAt),
      `${head.remappedSectors}`,
      `${head.lostSectors}`,
      `${head.pendingSectors}`,
      head.withData ? formatBytes(head.dataBytes, units) : "-",
      printable(head.health),
      printable(head.reason),
    ]),
  );
}
