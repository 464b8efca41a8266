// SPDX-License-Identifier: GPL-2.0-only
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { type Counter, COUNTERS, typeStats } from "../device/stats.ts";
import { formatColumns } from "../output/table.ts";
import { formatIec, formatLength, type Units } from "../output/units.ts";
import { document } from "./support/command_doc.ts";
import type { Session } from "./support/session.ts";

const COLUMNS = [
  { heading: "COUNTER" },
  { heading: "VALUE", numeric: true },
  { heading: "SIZE", numeric: true },
  { heading: "MEANING" },
];

/** `stats NAME` */
export function registerStats(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("stats")
    .summary("show every counter of a device")
    .description("Prints all counters that the target keeps, under the kernel's names.")
    .argument("<name>", "the device")
    .action(async (name) => {
      await session.withDevice(name, async (device) => {
        const stats = await device.stats();
        const { known, extra } = typeStats(stats);
        session.out.result(
          {
            name: device.name,
            counters: Object.fromEntries(stats),
            stats: { ...Object.fromEntries(known), extra: Object.fromEntries(extra) },
          },
          () => formatColumns(COLUMNS, rows(stats, session.out.units)),
        );
      });
    });
  document(command, {
    notes: [
      "In JSON, `stats` has the counters that this version knows, with their units in their " +
      "names; what it does not know is in `stats.extra`, and `counters` has all of them as the " +
      "kernel names them.",
    ],
    examples: [
      ["stats r0", "all counters"],
      ["stats r0 --json | jq .stats.remapped_sectors", "one of them, for a script"],
    ],
    exits: [0, 1, 2, 6, 130],
  });
}

function rows(stats: ReadonlyMap<string, bigint | string>, units: Units): string[][] {
  const known = COUNTERS.filter((counter) => typeof stats.get(counter.key) === "bigint");
  const names = new Set(known.map(({ key }) => key));
  const others = [...stats].filter(([key]) => !names.has(key));
  return [
    ...known.map((counter) => {
      const value = BigInt(stats.get(counter.key) ?? 0n);
      return [counter.key, `${value}`, size(counter, value, units), counter.means];
    }),
    ...others.map(([key, value]) => [key, `${value}`, "", ""]),
  ];
}

/** What a counter of sectors or bytes amounts to. */
function size({ unit }: Counter, value: bigint, units: Units): string {
  if (unit === "sectors" && units !== "s") return formatLength(value, units);
  if (unit === "bytes" && units === "iec") return formatIec(value);
  return "-";
}
