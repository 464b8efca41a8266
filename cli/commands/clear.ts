// SPDX-License-Identifier: GPL-2.0-only
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { clearMessage } from "../device/messages.ts";
import { document } from "./support/command_doc.ts";
import { deviceName } from "./support/names.ts";
import { showDryRun } from "./support/plan.ts";
import { amount } from "./support/present.ts";
import type { Session } from "./support/session.ts";
import { KEPT_NOTE, reportUnmapped } from "./support/unmapped.ts";

/** `clear NAME` */
export function registerClear(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("clear")
    .summary("move all relocated sectors back to main")
    .description("Copies every relocated sector back to the main device and empties the table.")
    .argument("<name>", "the device")
    .option("--force", "drop without copying: main's old content shows again")
    .action(async (typed, options) => {
      const name = deviceName(typed);
      if (session.dryRun) {
        return showDryRun(session.out, { device: name, messages: [clearMessage(options)] });
      }
      const result = await session.withDevice(name, async (device) => {
        const relocated = amount(device.status().remapped, session.out.units);
        const how = options.force ? "drops without copying them back" : "moves back to main";
        await session.confirm(name, `${how}: ${relocated}`);
        return await device.clear(options);
      });
      reportUnmapped(session, name, result);
    });
  document(command, {
    notes: [KEPT_NOTE],
    examples: [
      ["clear r0", "before the device is removed"],
      ["clear r0 --yes", "without being asked, in a script"],
      ["clear r0 -n", "show the message that would be sent"],
    ],
    exits: [0, 1, 2, 5, 6, 130],
  });
}
