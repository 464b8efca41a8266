// SPDX-License-Identifier: GPL-2.0-only
import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { UsageError } from "../device/errors.ts";
import { countOf } from "../output/units.ts";
import { exportJson, exportStore, snapshotJson } from "../store/transfer.ts";
import {
  DEFAULT_STORE,
  DEVICE_OPTION,
  filterOf,
  ID_WORDS,
  openForReading,
  snapshotReference,
  STORE_OPTION,
} from "./snapshot_common.ts";
import { document } from "./support/command_doc.ts";
import type { Session } from "./support/session.ts";

const FORMATS = ["json", "sqlite"] as const;

interface ExportOptions {
  readonly store: string;
  readonly device?: string;
  readonly format: (typeof FORMATS)[number];
  readonly force?: true;
}

/** `snapshot export ID FILE` */
export function registerSnapshotExport(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("export")
    .summary("write a snapshot to a file of its own")
    .description(
      "Writes a snapshot as one JSON document, or as a store of its own in one SQLite file. The " +
        "file is there whole, or not at all.",
    )
    .argument("<id>", `${ID_WORDS}; or all, into one SQLite file`)
    .argument("<file>", "where to; - for JSON on stdout")
    .addOption(
      new Option("--format <format>", "what is written").choices(FORMATS).default("json" as const),
    )
    .option("--force", "replace a file that is there")
    .option(...DEVICE_OPTION)
    .option(...STORE_OPTION, DEFAULT_STORE)
    .action((id, file, options) => exportSnapshots(session, id, file, options));
  document(command, {
    notes: ["A file with the content of sectors is as confidential as the disk that they are of."],
    examples: [
      ["snapshot export latest r0.json --device r0", "the last snapshot of r0"],
      ["snapshot export 12 - | gzip > 12.json.gz", "through a pipe"],
      ["snapshot export all snapshots.db --format sqlite", "the whole store, in one file"],
    ],
    exits: [0, 1, 2, 4, 5, 130],
    complete: { file: "file" },
  });
}

async function exportSnapshots(
  session: Session,
  id: string,
  file: string,
  options: ExportOptions,
): Promise<void> {
  const { format, force = false } = options;
  const wantsAll = id === "all";
  if (format === "json" && wantsAll) {
    throw new UsageError("one JSON document holds one snapshot", {
      cure: "add --format sqlite, or give the number of one",
    });
  }
  if (format === "sqlite" && file === "-") {
    throw new UsageError("an SQLite file cannot be written to stdout", { cure: "name a file" });
  }
  const reference = wantsAll ? undefined : snapshotReference(id);
  const filter = filterOf(options.device);
  using store = openForReading(options.store);
  const ids = reference === undefined
    ? store.heads(filter).map((head) => head.id)
    : [store.find(reference, filter).id];
  if (file === "-") {
    if (session.dryRun) {
      return session.out.done(
        { dry_run: true, file, format, snapshots: ids },
        `stdout: ${countOf(ids.length, "snapshot")} would be written`,
      );
    }
    for (const text of snapshotJson(store, ids[0]!)) session.terminal.writeOut(text);
    return;
  }
  if (!session.dryRun) {
    const overwrite = { overwrite: force };
    if (format === "sqlite") await exportStore(store, ids, file, overwrite);
    else await exportJson(store, ids[0]!, file, overwrite);
  }
  const does = session.dryRun ? "would be written" : "written";
  session.out.done(
    { dry_run: session.dryRun || undefined, file, format, snapshots: ids },
    `${file}: ${countOf(ids.length, "snapshot")} ${does}`,
  );
}
