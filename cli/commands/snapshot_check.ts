// SPDX-License-Identifier: GPL-2.0-only
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { EXIT } from "../output/exit_codes.ts";
import { countOf, formatBytes } from "../output/units.ts";
import { DEFAULT_STORE, openForReading, STORE_OPTION } from "./snapshot_common.ts";
import { document } from "./support/command_doc.ts";
import type { Session } from "./support/session.ts";

/** `snapshot check` */
export function registerSnapshotCheck(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("check")
    .summary("see whether the store is sound")
    .description(
      "Reads the whole store: its structure, the digest of every table, and every piece of " +
        "content. Changes nothing.",
    )
    .option("--quick", "the structure of the database only")
    .option(...STORE_OPTION, DEFAULT_STORE)
    .action(({ store: path, quick = false }) => {
      const { out } = session;
      using store = openForReading(path);
      const report = store.check({
        quick,
        onProgress: (done, total) => {
          out.progressLine(done < total ? `${path}: ${done} of ${total} snapshots` : "");
        },
      });
      if (report.findings.length > 0) session.exitCode = EXIT.damaged;
      const { snapshots, entries, dataBytes, findings } = report;
      out.result(
        {
          store: path,
          sound: findings.length === 0,
          ...quick ? {} : { snapshots, entries, data_bytes: dataBytes },
          findings: findings.map(({ code, id, message }) => ({ code, snapshot: id, message })),
        },
        () =>
          [
            ...findings.map(({ code, id, message }) =>
              `${path}: ${id === undefined ? "" : `snapshot ${id}: `}${message} [${code}]`
            ),
            findings.length === 0 && quick
              ? `${path}: the database is sound; what it holds was not read`
              : findings.length === 0
              ? `${path}: sound: ${countOf(snapshots, "snapshot")}, ` +
                `${countOf(entries, "entry", "entries")}, ${
                  formatBytes(dataBytes, out.units)
                } of content`
              : `${path}: ${
                countOf(findings.length, "problem")
              }; what is sound can be saved with ` +
                "`dmremap-ts snapshot export`",
          ].join("\n"),
      );
    });
  document(command, {
    examples: [
      ["snapshot check", "the store in its usual place"],
      ["snapshot check --store /mnt/backup/snapshots.db --quick", "a copy of it, roughly"],
    ],
    exits: [0, 1, 2, 4, 5, 130],
  });
}
