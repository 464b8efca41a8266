// SPDX-License-Identifier: GPL-2.0-only
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { formatPairs } from "../output/table.ts";
import { document } from "./support/command_doc.ts";
import { conditionPairs, examinationFields, examineAll, headline } from "./support/examine.ts";
import type { Session } from "./support/session.ts";

/** `health [NAME...]` */
export function registerHealth(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("health")
    .summary("how well devices are, why, and what to do")
    .description("Shows what the target makes of its counters; all devices if no NAME is given.")
    .argument("[name...]", "the devices")
    .action(async (typed) => {
      const found = await examineAll(session, typed);
      session.out.result(
        { devices: found.map(examinationFields) },
        () =>
          found.map((each) =>
            [headline(session.out, each), formatPairs(conditionPairs(each))].join("\n")
          ).join("\n\n"),
      );
    });
  document(command, {
    notes: [
      "States: good, warning, degraded, critical, failed. The word in brackets is the same in " +
      "every version; docs/health.md explains it and has the thresholds.",
    ],
    examples: [
      ["health", "all devices"],
      ["health r0 --json | jq -r '.devices[].conditions[].id'", "for a script"],
      ["health --quiet >/dev/null || mail -s 'a disk is not well' root", "from cron"],
    ],
    exits: [0, 1, 2, 3, 6, 130],
  });
}
