// SPDX-License-Identifier: GPL-2.0-only
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { removeDevice } from "../device/lifecycle.ts";
import { document } from "./support/command_doc.ts";
import { deviceName } from "./support/names.ts";
import { showDryRun } from "./support/plan.ts";
import { amount } from "./support/present.ts";
import type { Session } from "./support/session.ts";

/** `remove NAME` */
export function registerRemove(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("remove")
    .summary("take a remap device away")
    .description("Removes the device NAME. Its main and its spare device stay as they are.")
    .argument("<name>", "the device")
    .option("--force", "remove a volatile device although it forgets relocated sectors")
    .action(async (typed, options) => {
      const name = deviceName(typed);
      if (session.dryRun) return showDryRun(session.out, { device: name, remove: true });
      await session.withDevice(name, async (device) => {
        const { remapped } = device.status();
        // What will be refused anyway need not be asked for.
        const refused = remapped > 0n && device.table().features.volatile && !options.force;
        if (!refused) {
          const relocated = amount(remapped, session.out.units);
          await session.confirm(name, `removes the device, with ${relocated} relocated`);
        }
        await removeDevice(device.dm, name, options);
      });
      session.out.done({ name, removed: true }, `removed ${name}`);
    });
  document(command, {
    notes: [
      "The table of relocated sectors stays on the spare: `assemble` brings the device back. Do not " +
      "use the bare main device before that, it has old content in relocated sectors. To take the " +
      "layer away for good, run `clear` first.",
      "A volatile device with relocated sectors is refused, for its table is gone with it.",
    ],
    examples: [
      ["remove r0", "until `dmremap-ts assemble r0`"],
      ["remove r0 --yes", "remove without being asked, in a script"],
    ],
    exits: [0, 1, 2, 5, 6, 130],
  });
}
