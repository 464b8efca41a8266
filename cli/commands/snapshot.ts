// SPDX-License-Identifier: GPL-2.0-only
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { registerSnapshotCheck } from "./snapshot_check.ts";
import { registerSnapshotDiff } from "./snapshot_diff.ts";
import { registerSnapshotExport } from "./snapshot_export.ts";
import { registerSnapshotImport } from "./snapshot_import.ts";
import { registerSnapshotList } from "./snapshot_list.ts";
import { registerSnapshotPrune } from "./snapshot_prune.ts";
import { registerSnapshotRestore } from "./snapshot_restore.ts";
import { registerSnapshotShow } from "./snapshot_show.ts";
import { registerSnapshotTake } from "./snapshot_take.ts";
import { document } from "./support/command_doc.ts";
import type { Session } from "./support/session.ts";

/** `snapshot take|list|show|diff|restore|export|import|prune|check` */
export function registerSnapshot(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("snapshot")
    .summary("keep, compare and bring back tables of relocated sectors")
    .description(
      "Keeps the tables of devices, and if asked for the content of relocated sectors, in a store " +
        "of their own: for the day on which a spare dies or its metadata is damaged.",
    );
  registerSnapshotTake(command, session);
  registerSnapshotList(command, session);
  registerSnapshotShow(command, session);
  registerSnapshotDiff(command, session);
  registerSnapshotRestore(command, session);
  registerSnapshotExport(command, session);
  registerSnapshotImport(command, session);
  registerSnapshotPrune(command, session);
  registerSnapshotCheck(command, session);
  document(command, {
    notes: ["docs/snapshots.md tells more; `dmremap-ts backup` is for cron and timers."],
    examples: [
      ["snapshot take r0 --with-data", "everything that is needed to replace its spare"],
      ["snapshot list r0", "which there are"],
      ["snapshot diff latest --device r0 --live", "what changed since the last one"],
      ["snapshot restore latest --device r0 --spare /dev/sdd1", "its spare is dead"],
    ],
    exits: [0, 1, 2, 3, 4, 5, 6, 130],
  });
}
