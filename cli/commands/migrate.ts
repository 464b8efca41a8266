// SPDX-License-Identifier: GPL-2.0-only
import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import type { DeviceMapper } from "../../ffi/libdevmapper.ts";
import { BusyError, RefusedError, UsageError } from "../device/errors.ts";
import { lostSectors } from "../device/migrate/finish.ts";
import { type MigratePlan, planMigration, prepareNewSpare } from "../device/migrate/plan.ts";
import {
  askMigration,
  startMessage,
  startMigration,
  STATUS_MESSAGE,
  STOP_MESSAGE,
  stopMigration,
} from "../device/migrate/report.ts";
import { RemapDevice } from "../device/remap_device.ts";
import { InterruptedError } from "../output/exit_codes.ts";
import { type CommandDoc, document } from "./support/command_doc.ts";
import { sectorNumber } from "./support/integers.ts";
import { concludeMigration, type Undertaking } from "./support/migrate_end.ts";
import { followMigration } from "./support/migrate_follow.ts";
import { migrationFields, migrationPairs } from "./support/migrate_words.ts";
import { deviceName } from "./support/names.ts";
import { showDryRun } from "./support/plan.ts";
import { amount } from "./support/present.ts";
import type { Session } from "./support/session.ts";

const DOC: CommandDoc = {
  notes: [
    "The kernel copies what is relocated while the device is in use, and then changes over in one " +
    "step: before it, the old spare counts, after it, the new one, also if the machine stops in " +
    "the middle. NEW_SPARE must not be in use, nor carry a signature or the table of another " +
    "device; --force goes over the latter two. It has to hold what is relocated now.",
    "Without --no-wait the command waits, and then has the kernel let go of the old spare, for " +
    "which the device stands still for a moment. Ctrl-C ends the waiting and not the migration. " +
    "Sectors whose content the old spare no longer gives are lost: they are named, and the exit " +
    "code is 3. If the migration fails or is cancelled, the exit code is 1 and the old spare is in " +
    "use as before.",
  ],
  examples: [
    ["migrate r0 /dev/sdd1", "to another spare, and wait"],
    ["migrate r0 /dev/sdd --start 2048 --length 204800", "to a part of a disk"],
    ["migrate r0 /dev/sdd1 --no-wait", "start it only"],
    ["migrate r0 --status", "see how far it is"],
    ["migrate r0 --wait", "wait for the one that is under way"],
    ["migrate r0 --cancel", "stay with the old spare"],
  ],
  exits: [0, 1, 2, 3, 5, 6, 130],
};

interface MigrateFlags {
  readonly start?: bigint;
  readonly length?: bigint;
  readonly wait?: boolean;
  readonly cancel?: true;
  readonly status?: true;
  readonly force?: true;
}

/** `migrate NAME [NEW_SPARE]` */
export function registerMigrate(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("migrate")
    .summary("move what is relocated to another spare, online")
    .description(
      "Moves all relocated sectors of the device NAME, and the table of them, to NEW_SPARE while " +
        "the device is in use. What NEW_SPARE holds is overwritten.",
    )
    .argument("<name>", "the device")
    .argument("[new-spare]", "the block device that is to be its spare")
    .option("--start <sector>", "first sector of NEW_SPARE that is used", sectorNumber)
    .option("--length <sectors>", "length of the new spare range", sectorNumber)
    .option("--no-wait", "start the migration only")
    .addOption(
      new Option("--wait", "wait for the migration under way").conflicts(["cancel", "status"]),
    )
    .addOption(new Option("--cancel", "end the migration under way").conflicts("status"))
    .option("--status", "show the migration under way, or the last one; the default")
    .option("--force", "go on where NEW_SPARE has a signature or another device's table")
    .action(async (typed, newSpare, options: MigrateFlags) => {
      const name = deviceName(typed);
      checkUsage(newSpare, options);
      using dm = session.openDeviceMapper();
      const device = RemapDevice.open(dm, name);
      if (newSpare !== undefined) return await start(session, dm, device, newSpare, options);
      if (options.cancel) return await cancel(session, device);
      if (options.wait !== true) return await show(session, device);
      const report = await followMigration(session, device);
      if (!session.signal.aborted) await concludeMigration(session, dm, device, report, {});
    });
  document(command, DOC);
}

function checkUsage(newSpare: string | undefined, options: MigrateFlags): void {
  const { cancel, status, wait, start, length, force } = options;
  const asks = cancel === true || status === true;
  if (newSpare === undefined) {
    if (wait === false) throw new UsageError("--no-wait goes with a new spare");
    if (start !== undefined || length !== undefined || force) {
      throw new UsageError("--start, --length and --force go with a new spare");
    }
  } else if (asks) {
    throw new UsageError(`a new spare cannot be given with ${cancel ? "--cancel" : "--status"}`);
  }
}

async function start(
  session: Session,
  dm: DeviceMapper,
  device: RemapDevice,
  spare: string,
  options: MigrateFlags,
): Promise<void> {
  const { out, signal } = session;
  const { name } = device;
  await refuseSecond(device);
  const table = device.table();
  const { major, minor } = device.info();
  const { remapped } = device.status();
  const from = { number: `${major}:${minor}`, table, remapped };
  const plan = planMigration({ name, spare, ...given(options) }, from);
  for (const warning of plan.warnings) out.warn(warning);
  if (session.dryRun) return showDryRun(out, { device: name, ...steps(plan) });
  if (plan.warnings.length > 0) {
    await session.confirm(name, `overwrites ${spare}, although ${plan.warnings.join("; ")}`);
  }
  const undertaking: Undertaking = {
    lostBefore: await lostSectors(device),
    old: plan.old,
    fresh: { path: spare, start: plan.target.start },
  };
  if (signal.aborted) throw new InterruptedError("interrupted");
  prepareNewSpare(plan);
  await startMigration(device, plan.target);
  if (options.wait === false) {
    return out.done(
      { name, ...migrationFields(await askMigration(device)), new_spare: spare },
      `migration of ${name} to ${spare} started, ${amount(remapped, out.units)} to copy; ` +
        `\`dmremap-ts migrate ${name} --wait\` waits for it and lets go of the old spare`,
    );
  }
  const report = await followMigration(session, device);
  if (!signal.aborted) await concludeMigration(session, dm, device, report, undertaking);
}

/** Before anything is written: the kernel would refuse it afterwards. */
async function refuseSecond(device: RemapDevice): Promise<void> {
  if ((await askMigration(device)).state !== "running") return;
  throw new BusyError("a migration is under way", {
    device: device.name,
    cure: `dmremap-ts migrate ${device.name} --status shows it, --cancel ends it`,
  });
}

function given({ start, length, force }: MigrateFlags) {
  return {
    ...start === undefined ? {} : { start },
    ...length === undefined ? {} : { length },
    ...force === undefined ? {} : { force },
  };
}

/** Words for `--dry-run`. */
function steps({ target, spare, metadataSectors, from }: MigratePlan) {
  const what = from === undefined ? "zeroes" : "the mark of an unfinished migration";
  return {
    notes: [`write ${what} to sectors ${target.start}+${metadataSectors} of ${spare.path}`],
    messages: [startMessage(target)],
  };
}

async function cancel(session: Session, device: RemapDevice): Promise<void> {
  const { out } = session;
  const { name } = device;
  if (session.dryRun) return showDryRun(out, { device: name, messages: [STOP_MESSAGE] });
  if ((await askMigration(device)).state !== "running") {
    throw new RefusedError("no migration is under way", {
      device: name,
      cure: `dmremap-ts migrate ${name} --status shows the last one`,
    });
  }
  await stopMigration(device);
  const report = await askMigration(device);
  const words = report.state === "done"
    ? `the migration of ${name} was done already: the new spare is in use`
    : `cancelled: ${name} goes on with the spare that it has`;
  out.done({ name, ...migrationFields(report) }, words);
}

async function show(session: Session, device: RemapDevice): Promise<void> {
  const { out } = session;
  const { name } = device;
  if (session.dryRun) return showDryRun(out, { device: name, messages: [STATUS_MESSAGE] });
  const report = await askMigration(device);
  out.result({ name, ...migrationFields(report) }, () => migrationPairs(name, report, out));
}
