// SPDX-License-Identifier: GPL-2.0-only
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { formatPairs } from "../output/table.ts";
import { document } from "./support/command_doc.ts";
import type { Session } from "./support/session.ts";

/** `stats NAME` */
export function registerStats(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("stats")
    .summary("show every counter of a device")
    .description("Prints all counters that the target keeps, under the kernel's names.")
    .argument("<name>", "the device")
    .action(async (name) => {
      await session.withDevice(name, async (device) => {
        const stats = await device.stats();
        session.out.result(
          { name: device.name, counters: Object.fromEntries(stats) },
          () => formatPairs([...stats].map(([key, value]) => [key, `${value}`])),
        );
      });
    });
  document(command, {
    examples: [
      ["stats r0", "all counters"],
      ["stats r0 --json | jq .counters", "for a script"],
    ],
    exits: [0, 1, 2, 6, 130],
  });
}
