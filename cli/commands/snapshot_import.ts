// SPDX-License-Identifier: GPL-2.0-only
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { RefusedError } from "../device/errors.ts";
import { printable } from "../device/spare/owner.ts";
import { importSnapshots } from "../store/transfer.ts";
import {
  DEFAULT_STORE,
  headFields,
  localTime,
  openForWriting,
  STORE_OPTION,
} from "./snapshot_common.ts";
import { document } from "./support/command_doc.ts";
import type { Session } from "./support/session.ts";

/** `snapshot import FILE` */
export function registerSnapshotImport(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("import")
    .summary("take snapshots from a file into the store")
    .description(
      "Reads what `snapshot export` has written, in either format, or another store. Snapshots " +
        "that the store has already are left as they are.",
    )
    .argument("<file>", "the file")
    .option(...STORE_OPTION, DEFAULT_STORE)
    .action((file, { store: path }) => importFile(session, file, path));
  document(command, {
    examples: [
      ["snapshot import r0.json", "one snapshot"],
      ["snapshot import /mnt/backup/snapshots.db", "all of another store"],
    ],
    exits: [0, 1, 2, 4, 5, 130],
  });
}

async function importFile(session: Session, file: string, path: string): Promise<void> {
  const { out } = session;
  if (session.dryRun) {
    return out.result(
      { dry_run: true, file, store: path },
      () => `the snapshots in ${file} would be taken into ${path}`,
    );
  }
  await requireFile(file);
  using store = openForWriting(path, { create: true });
  const imported = await importSnapshots(store, file);
  out.done(
    {
      file,
      store: path,
      snapshots: imported.map(({ head, isNew }) => ({ new: isNew, ...headFields(head) })),
    },
    imported.map(({ head, isNew }) =>
      `${printable(head.device.name)}: snapshot ${head.id} of ${localTime(head.takenAt)}` +
      (isNew ? "" : ", which was there already")
    ).join("\n") || `${file}: no snapshots in it`,
  );
}

/** Before a store is made for nothing. A pipe would have to be read twice. */
async function requireFile(file: string): Promise<void> {
  try {
    const { isFile } = await Deno.stat(file);
    if (!isFile) throw new TypeError("it is no file");
  } catch (cause) {
    throw new RefusedError("cannot be read", {
      device: file,
      cure: "name a file that `snapshot export` has written",
      cause,
    });
  }
}
