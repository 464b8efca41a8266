// SPDX-License-Identifier: GPL-2.0-only
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { unmapMessage } from "../device/messages.ts";
import { parseSectorRanges } from "../device/sectors.ts";
import { document } from "./support/command_doc.ts";
import { deviceName } from "./support/names.ts";
import { showDryRun } from "./support/plan.ts";
import type { Session } from "./support/session.ts";
import { KEPT_NOTE, reportUnmapped } from "./support/unmapped.ts";

/** `unmap NAME SECTORS...` */
export function registerUnmap(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("unmap")
    .summary("move relocated sectors back to main")
    .description("Copies relocated sectors back to the main device and drops their relocation.")
    .argument("<name>", "the device")
    .argument("<sectors...>", "N, N+COUNT or FIRST-LAST, from the start of the device")
    .option("--force", "drop without copying: main's old content shows again")
    .action(async (typed, sectors, options) => {
      const name = deviceName(typed);
      const ranges = parseSectorRanges(sectors);
      if (session.dryRun) {
        const messages = ranges.map((range) => unmapMessage(range, options));
        return showDryRun(session.out, { device: name, messages });
      }
      const result = await session.withDevice(name, async (device) => {
        if (options.force) {
          await session.confirm(name, "drops relocated sectors without copying them back");
        }
        return await device.unmap(ranges, options);
      });
      reportUnmapped(session, name, result);
    });
  document(command, {
    notes: [KEPT_NOTE],
    examples: [
      ["unmap r0 200+8", "move eight sectors back"],
      ["unmap r0 200+8 --force --yes", "drop them, whatever main holds there"],
    ],
    exits: [0, 1, 2, 5, 6, 130],
  });
}
