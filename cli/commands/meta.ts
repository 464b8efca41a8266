// SPDX-License-Identifier: GPL-2.0-only
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { registerMetaCheck } from "./meta_check.ts";
import { registerMetaDump } from "./meta_dump.ts";
import { registerMetaRepair } from "./meta_repair.ts";
import { registerMetaRestore } from "./meta_restore.ts";
import { document } from "./support/command_doc.ts";
import type { Session } from "./support/session.ts";

/** `meta check|dump|restore|repair` */
export function registerMeta(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("meta")
    .summary("check, dump, restore and repair the table on a spare")
    .description(
      "Looks after the metadata on a spare while no remap device uses it: a block device, or an " +
        "image of one in a file. Needs neither the module nor, for a look, more than the right to read.",
    );
  registerMetaCheck(command, session);
  registerMetaDump(command, session);
  registerMetaRestore(command, session);
  registerMetaRepair(command, session);
  document(command, {
    examples: [
      ["meta check /dev/sdc1", "see whether the table on a spare is sound"],
      ["meta dump /dev/sdc1 > sdc1.txt", "keep it as text"],
    ],
    exits: [0, 1, 2, 3, 4, 5, 130],
  });
}
