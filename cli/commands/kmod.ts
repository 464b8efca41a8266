// SPDX-License-Identifier: GPL-2.0-only
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { registerKmodBuild } from "./kmod_build.ts";
import { registerKmodLoad } from "./kmod_load.ts";
import { registerKmodStatus } from "./kmod_status.ts";
import { registerKmodUnload } from "./kmod_unload.ts";
import { document } from "./support/command_doc.ts";
import type { Session } from "./support/session.ts";

/** `kmod build|load|unload|status` */
export function registerKmod(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("kmod")
    .summary("build and load the kernel module")
    .description(
      "Looks after the kernel module dm-remap, whose sources this program carries with it.",
    );
  registerKmodBuild(command, session);
  registerKmodLoad(command, session);
  registerKmodUnload(command, session);
  registerKmodStatus(command, session);
  document(command, {
    examples: [
      ["kmod load", "build the module if that is needed, and load it"],
      ["kmod status", "see what is loaded, and what this program carries"],
    ],
    exits: [0, 1, 2, 5, 6, 130],
  });
}
