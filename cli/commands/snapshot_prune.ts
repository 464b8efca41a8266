// SPDX-License-Identifier: GPL-2.0-only
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { UsageError } from "../device/errors.ts";
import { printable } from "../device/spare/owner.ts";
import { formatColumns } from "../output/table.ts";
import { countOf, formatBytes, type Units } from "../output/units.ts";
import {
  DEFAULT_STORE,
  filterOf,
  localTime,
  openForReading,
  openForWriting,
  STORE_OPTION,
} from "./snapshot_common.ts";
import {
  addKeepOptions,
  KEEP_NOTE,
  type KeepOptions,
  policyOf,
  prune,
  type Pruned,
  prunedFields,
} from "./snapshot_keep.ts";
import { document } from "./support/command_doc.ts";
import type { Session } from "./support/session.ts";

interface PruneOptions extends KeepOptions {
  readonly store: string;
}

/** `snapshot prune [DEVICE]` */
export function registerSnapshotPrune(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("prune")
    .summary("remove old snapshots")
    .description("Removes the snapshots that none of the --keep options wants to stay.")
    .argument("[device]", "the snapshots of this device only, by its name when they were taken")
    .option(...STORE_OPTION, DEFAULT_STORE);
  addKeepOptions(command);
  command.action((device, options) => pruneStore(session, device, options));
  document(command, {
    notes: [KEEP_NOTE],
    examples: [
      ["snapshot prune --keep-daily 14 --keep-monthly 12 --dry-run", "see what would go"],
      ["snapshot prune r0 --keep-last 3 --yes", "all but the last three of r0"],
    ],
    exits: [0, 1, 2, 4, 5, 130],
  });
}

async function pruneStore(
  session: Session,
  device: string | undefined,
  options: PruneOptions,
): Promise<void> {
  const { out, dryRun } = session;
  const filter = filterOf(device);
  const policy = policyOf(options);
  if (policy === undefined) {
    throw new UsageError("what is to stay is not said, and nothing is removed without that", {
      cure: "give one or more of the --keep options",
    });
  }
  using store = dryRun ? openForReading(options.store) : openForWriting(options.store);
  const planned = prune(store, policy, filter, true);
  if (planned.remove.length > 0 && !dryRun) {
    const count = countOf(planned.remove.length, "snapshot");
    await session.confirm(options.store, `removes ${count} for good, ${planned.keep.length} stay`);
  }
  const done = dryRun ? planned : prune(store, policy, filter, false);
  out.done(
    { dry_run: dryRun || undefined, store: options.store, ...prunedFields(done) },
    words(done, dryRun, out.units),
  );
}

function words({ keep, remove, freedBytes }: Pruned, dryRun: boolean, units: Units): string {
  const rows = [
    ...keep.map(({ snapshot, reasons }) => ({ snapshot, what: `keep: ${reasons.join(", ")}` })),
    ...remove.map((snapshot) => ({ snapshot, what: "remove" })),
  ].sort((a, b) => a.snapshot.id - b.snapshot.id);
  const table = formatColumns(
    [{ heading: "ID", numeric: true }, { heading: "DEVICE" }, { heading: "TAKEN" }, {
      heading: "WHAT",
    }],
    rows.map(({ snapshot, what }) => [
      `${snapshot.id}`,
      printable(snapshot.device.name),
      localTime(snapshot.takenAt),
      what,
    ]),
  );
  const count = countOf(remove.length, "snapshot");
  const freed = freedBytes > 0 ? `, ${formatBytes(freedBytes, units)} freed` : "";
  return [
    ...rows.length > 0 ? [table] : [],
    dryRun ? `${count} would be removed` : `${count} removed${freed}`,
  ].join("\n");
}
