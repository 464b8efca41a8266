// SPDX-License-Identifier: GPL-2.0-only
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { verifyMessage } from "../device/messages.ts";
import { parseSectorRanges } from "../device/sectors.ts";
import { formatColumns } from "../output/table.ts";
import { document } from "./support/command_doc.ts";
import { deviceName } from "./support/names.ts";
import { showDryRun } from "./support/plan.ts";
import { isLost, PLACE_COLUMNS, placeFields, placeRow } from "./support/present.ts";
import type { Session } from "./support/session.ts";

/** `verify NAME SECTORS...` */
export function registerVerify(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("verify")
    .summary("show where sectors are")
    .description("Tells for each run of sectors whether main or the spare serves it.")
    .argument("<name>", "the device")
    .argument("<sectors...>", "N, N+COUNT or FIRST-LAST, from the start of the device")
    .action(async (typed, sectors) => {
      const name = deviceName(typed);
      const ranges = parseSectorRanges(sectors);
      if (session.dryRun) {
        return showDryRun(session.out, { device: name, messages: ranges.map(verifyMessage) });
      }
      const places = await session.withDevice(name, (device) => device.verify(ranges));
      if (places.some(isLost)) session.degraded();
      session.out.result(
        { name, places: places.map(placeFields) },
        () => formatColumns(PLACE_COLUMNS, places.map((at) => placeRow(at, session.out.units))),
      );
    });
  document(command, {
    notes: ["States: main, pending (unreadable on main), remapped, lost (relocated, unreadable)."],
    examples: [
      ["verify r0 200+8", "eight sectors"],
      ["verify r0 0-1023 --json", "the first 1024, for a script"],
    ],
    exits: [0, 1, 2, 3, 6, 130],
  });
}
