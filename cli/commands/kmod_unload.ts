// SPDX-License-Identifier: GPL-2.0-only
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { NoDeviceMapperError } from "../../ffi/errors.ts";
import { listRemapDevices } from "../device/remap_device.ts";
import { unloadModule } from "../kmod/load.ts";
import { MODULE_NAME } from "../kmod/state.ts";
import { document } from "./support/command_doc.ts";
import { showCommands } from "./support/plan.ts";
import type { Session } from "./support/session.ts";

/** `kmod unload` */
export function registerKmodUnload(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("unload")
    .summary("unload the module")
    .description("Takes the module out of the kernel. Refuses while remap devices exist.")
    .action(async () => {
      if (session.dryRun) return showCommands(session.out, [["rmmod", MODULE_NAME]]);
      await unloadModule(remapDeviceNames(session));
      session.out.done({ loaded: false }, "module unloaded");
    });
  document(command, {
    examples: [["kmod unload", "after the last device has been removed"]],
    exits: [0, 1, 2, 5, 6, 130],
  });
}

/** Without a device mapper there are no devices, and the module may still be asked for. */
function remapDeviceNames(session: Session): string[] {
  try {
    using dm = session.openDeviceMapper();
    return listRemapDevices(dm).map((device) => device.name);
  } catch (error) {
    if (error instanceof NoDeviceMapperError) return [];
    throw error;
  }
}
