// SPDX-License-Identifier: GPL-2.0-only
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { UsageError } from "../device/errors.ts";
import { listRemapDevices } from "../device/remap_device.ts";
import { DEFAULT_STORE, openForWriting, STORE_OPTION } from "./snapshot_common.ts";
import {
  exitCodeOfAll,
  liveSubject,
  offlineSubject,
  outcomeFields,
  outcomeWords,
  type Subject,
  takeAll,
} from "./snapshot_taking.ts";
import { document } from "./support/command_doc.ts";
import { sectorNumber } from "./support/integers.ts";
import { deviceName } from "./support/names.ts";
import type { Session } from "./support/session.ts";

interface TakeOptions {
  readonly store: string;
  readonly all?: true;
  readonly offline?: string;
  readonly start?: bigint;
  readonly withData?: true;
  readonly reason?: string;
}

/** `snapshot take [NAME...]` */
export function registerSnapshotTake(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("take")
    .summary("keep the table of devices as it is now")
    .description(
      "Writes the table of relocated sectors into the store, as it is at one moment. Takes all " +
        "devices if no NAME is given; or a spare that is not in use, with --offline.",
    )
    .argument("[name...]", "the devices")
    .option("--all", "all devices; the same as no NAME")
    .option("--offline <spare>", "the table on this spare, or on an image of one")
    .option("--start <sector>", "where the spare range begins on it (default: 0)", sectorNumber)
    .option("--with-data", "keep the content of the relocated sectors as well")
    .option("--reason <text>", "why, in your words")
    .option(...STORE_OPTION, DEFAULT_STORE)
    .action((names, options) => take(session, names, options));
  document(command, {
    notes: [
      "Without --with-data the store knows where sectors were, not what was in them: enough to " +
      "bring a table back whose slots are still there, not to replace a dead spare.",
      "The content is read from the device in use while it may be written. For a file system that " +
      "is to be of one moment, freeze it (fsfreeze) as long as this takes.",
      "A device that fails does not keep the others from their turn; the exit code is that of the " +
      "first that failed.",
    ],
    examples: [
      ["snapshot take r0 --with-data", "everything that is needed to replace its spare"],
      ["snapshot take --reason 'before the move'", "the tables of all devices"],
      ["snapshot take --offline /dev/sdc1 --with-data", "from a spare that is not in use"],
    ],
    exits: [0, 1, 2, 3, 4, 5, 6, 130],
  });
}

async function take(
  session: Session,
  typed: readonly string[],
  options: TakeOptions,
): Promise<void> {
  const names = typed.map(deviceName);
  checkUsage(names, options);
  if (options.offline !== undefined) {
    const { offline: path, start } = options;
    return await takeThese(session, [offlineSubject({ path, ...start && { start } })], options);
  }
  using dm = session.openDeviceMapper();
  const wanted = names.length > 0
    ? [...new Set(names)]
    : listRemapDevices(dm).map(({ name }) => name);
  if (wanted.length === 0) session.out.note("no remap devices");
  await takeThese(session, wanted.map((name) => liveSubject(dm, name)), options);
}

async function takeThese(
  session: Session,
  subjects: readonly Subject[],
  { store: path, withData, reason }: TakeOptions,
): Promise<void> {
  const none = subjects.length === 0 || session.dryRun;
  using store = none ? undefined : openForWriting(path, { create: true });
  const outcomes = await takeAll(session, subjects, {
    store,
    withData: withData ?? false,
    reason: reason ?? "",
  });
  session.exitCode = exitCodeOfAll(outcomes);
  session.out.done(
    {
      dry_run: session.dryRun || undefined,
      store: path,
      devices: outcomes.map(outcomeFields),
    },
    outcomes.map((each) => outcomeWords(each, session.out.units)).filter((words) => words !== "")
      .join("\n"),
  );
}

function checkUsage(names: readonly string[], { all, offline, start }: TakeOptions): void {
  if (all && names.length > 0) throw new UsageError("--all goes without names");
  if (offline !== undefined && (all || names.length > 0)) {
    throw new UsageError("--offline is for one spare that no device uses", {
      cure: "leave the names and --all away",
    });
  }
  if (start !== undefined && offline === undefined) {
    throw new UsageError("--start goes with --offline");
  }
}
