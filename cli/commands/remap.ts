// SPDX-License-Identifier: GPL-2.0-only
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { remapMessage } from "../device/messages.ts";
import { parseSectorRanges } from "../device/sectors.ts";
import { document } from "./support/command_doc.ts";
import { deviceName } from "./support/names.ts";
import { showDryRun } from "./support/plan.ts";
import { amount } from "./support/present.ts";
import type { Session } from "./support/session.ts";

/** `remap NAME SECTORS...` */
export function registerRemap(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("remap")
    .summary("relocate sectors to the spare by hand")
    .description(
      "Copies sectors of the device NAME to its spare and serves them from there. All or " +
        "nothing: if one cannot be relocated, none is.",
    )
    .argument("<name>", "the device")
    .argument("<sectors...>", "N, N+COUNT or FIRST-LAST, from the start of the device")
    .action(async (typed, sectors) => {
      const name = deviceName(typed);
      const ranges = parseSectorRanges(sectors);
      if (session.dryRun) {
        return showDryRun(session.out, { device: name, messages: [remapMessage(ranges)] });
      }
      const { remapped, lost } = await session.withDevice(name, (device) => device.remap(ranges));
      if (lost > 0n) session.degraded();
      const { out } = session;
      out.done(
        { name, remapped_sectors: remapped, lost_sectors: lost },
        `${amount(remapped, out.units)} of ${name} on the spare` +
          (lost > 0n ? `, ${amount(lost, out.units)} of them lost` : ""),
      );
    });
  document(command, {
    notes: [
      "A sector whose content cannot be read is relocated as lost: reading it fails until it is " +
      "written. Sectors that are relocated already count as done.",
    ],
    examples: [
      ["remap r0 123", "one sector"],
      ["remap r0 200+8 512-519", "eight sectors from 200 on, and 512 to 519"],
    ],
    exits: [0, 1, 2, 3, 5, 6, 130],
  });
}
