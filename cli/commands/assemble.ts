// SPDX-License-Identifier: GPL-2.0-only
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { DeviceMapper } from "../../ffi/libdevmapper.ts";
import { activeAs, activeDevices } from "../device/assemble/active.ts";
import { type AssembleOptions, Assembler, type Assembly } from "../device/assemble/plan.ts";
import { SPARES_FILE } from "../device/assemble/places.ts";
import { UsageError } from "../device/errors.ts";
import { createDevice, type PersistentPlan, prepareSpare, settle } from "../device/lifecycle.ts";
import { RemapDevice } from "../device/remap_device.ts";
import { isDegraded } from "../device/status_line.ts";
import { thisSystem } from "../device/system.ts";
import { openImage } from "../metadata/image.ts";
import { formatLength } from "../output/units.ts";
import { alreadyActive, attempt, type Outcome, statusSummary } from "./support/assemble_outcome.ts";
import { bereftDevices, takeUp } from "./support/assemble_return.ts";
import { type CommandDoc, document } from "./support/command_doc.ts";
import { devicePath } from "./support/device_paths.ts";
import { sectorNumber } from "./support/integers.ts";
import { deviceName } from "./support/names.ts";
import { dryRunLines } from "./support/plan.ts";
import { amount, tableFields } from "./support/present.ts";
import type { Session } from "./support/session.ts";
import { requireTarget } from "./support/target.ts";

const DOC: CommandDoc = {
  notes: [
    "Spares are found by what is on them, main devices by their WWN, serial number or partition " +
    "UUID. A pair that is wrong, incomplete or ambiguous is refused, and so is a table that is " +
    "damaged or was made for devices of other sizes. What is active already is left alone, and " +
    "that is no error.",
    `A spare that does not begin where its device begins is found if ${SPARES_FILE} has a line for ` +
    "it: the device and the first sector. --all activates what it can, and ends with the code of " +
    "the first failure.",
    "A device that is active, and whose spare was unplugged and is there again, under whatever name, " +
    "is given it back: if it is the same set, no older and no newer than what the device knows. " +
    "--returned does only that, for udev.",
  ],
  examples: [
    ["assemble r0", "activate r0, wherever its disks are plugged in now"],
    ["assemble --all", "activate everything; what the unit file in deploy/ runs at boot"],
    ["assemble --all -n", "show what would be activated"],
    ["assemble --returned", "give running devices their spares back"],
    ["assemble r0 --spare /dev/sdc1 --main /dev/sdb1", "a pair that cannot find itself"],
    ["assemble r0 --main /dev/sdd --force", "main is in another enclosure, or was copied"],
  ],
  exits: [0, 1, 2, 3, 4, 5, 6, 130],
  complete: { name: "none" },
};

/** `assemble [NAME|--all]` */
export function registerAssemble(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("assemble")
    .summary("activate devices that were created before")
    .description("Activates remap devices by the tables on their spares, after a reboot mostly.")
    .argument("[name]", "the device")
    .option("--all", "every device whose spare is there")
    .option("--returned", "only devices that are active and whose spare was away and is back")
    .option("--spare <device>", "the spare, instead of a search")
    .option("--spare-start <sector>", "first sector of the spare range", sectorNumber)
    .option("--main <device>", "the main device, instead of a search")
    .option("--force", "with --main: take it although the table says another, and write that down")
    .action(async (typed, { all, returned, ...options }) => {
      if ([typed !== undefined, all, returned].filter((given) => given).length !== 1) {
        throw new UsageError("give the name of one device, or --all, or --returned");
      }
      if (typed === undefined && Object.keys(options).length > 0) {
        throw new UsageError(
          "--spare, --spare-start, --main and --force go with the name of one device",
        );
      }
      if (options.force && options.main === undefined) {
        throw new UsageError("--force goes with --main: say which device it is");
      }
      if (options.spareStart !== undefined && options.spare === undefined) {
        throw new UsageError("--spare-start goes with --spare");
      }
      if (typed === undefined) await assembleAll(session, returned === true);
      else await assembleOne(session, deviceName(typed), options);
    });
  document(command, DOC);
}

async function assembleOne(
  session: Session,
  name: string,
  options: AssembleOptions,
): Promise<void> {
  using dm = session.openDeviceMapper();
  const assembler = new Assembler(thisSystem, openImage, activeDevices(dm));
  const { spare } = options;
  const bereft = bereftDevices(
    dm,
    () => spare === undefined ? assembler.found() : [assembler.given(spare, options.spareStart)],
    spare !== undefined,
  ).find(({ patient }) => patient.name === name);
  const active = bereft === undefined ? activeAs(dm, name, options) : undefined;
  const outcome = bereft !== undefined
    ? await takeUp(session, dm, bereft)
    : active === undefined
    ? await activate(session, dm, assembler.one(name, options))
    : alreadyActive(session, dm, active);
  finish(session, [outcome], assembler.remarks);
}

/** @param only those that are active and have lost their spare */
async function assembleAll(session: Session, only: boolean): Promise<void> {
  using dm = session.openDeviceMapper();
  const active = activeDevices(dm);
  const assembler = new Assembler(thisSystem, openImage, active);
  const bereft = bereftDevices(dm, () => assembler.found());
  const outcomes: Outcome[] = [];
  for (const each of bereft) {
    const { name, table } = each.patient;
    const spare = each.spares[0]?.device.node ?? table.spare;
    outcomes.push(await attempt(session, name, spare, () => takeUp(session, dm, each)));
  }
  if (only) return finish(session, outcomes, assembler.remarks, "no device has lost its spare");
  for (const device of active) {
    if (bereft.some(({ patient }) => patient.name === device.name)) continue;
    outcomes.push(alreadyActive(session, dm, device));
  }
  const isActive = ({ table }: PersistentPlan) =>
    active.some((each) =>
      each.table.spare === table.spare && each.table.spareStart === table.spareStart
    );
  const returned = bereft.flatMap(({ spares }) => spares);
  for (const assembly of assembler.all(returned)) {
    if ("skipped" in assembly) outcomes.push(skipped(assembly));
    else if ("error" in assembly || !isActive(assembly.plan)) {
      const { name } = assembly;
      const spare = "plan" in assembly ? assembly.plan.spare.path : assembly.spare;
      outcomes.push(
        await attempt(session, name, spare, () => {
          if ("error" in assembly) throw assembly.error;
          return activate(session, dm, assembly.plan);
        }),
      );
    }
  }
  finish(session, outcomes, assembler.remarks);
}

/** A spare that a migration has left, or has not filled: it may lie there for years. */
function skipped({ name, spare, skipped }: Extract<Assembly, { skipped: string }>): Outcome {
  const path = devicePath(spare);
  return {
    name,
    state: "skipped",
    fields: { spare: path, reason: skipped },
    words: `skipped ${path}: ${skipped}`,
    exitCode: 0,
  };
}

async function activate(
  session: Session,
  dm: DeviceMapper,
  plan: PersistentPlan,
): Promise<Outcome> {
  const { out } = session;
  const { name } = plan;
  for (const warning of plan.warnings) out.warn(`${name}: ${warning}`);
  const set = {
    ...plan.uuid === undefined ? {} : { uuid: plan.uuid },
    table: tableFields(plan.table),
  };
  if (session.dryRun) {
    const lines = dryRunLines({
      device: name,
      ...plan.uuid === undefined ? {} : { uuid: plan.uuid },
      table: plan.line,
    });
    const fields = { ...set, steps: lines };
    return { name, state: "planned", fields, words: lines.join("\n"), exitCode: 0 };
  }
  await requireTarget(dm, name);
  if (plan.action.kind === "activate" && plan.action.relabel !== undefined) {
    const words = `writes ${plan.action.relabel} to ${plan.spare.path} as its main device`;
    await session.confirm(name, words);
    prepareSpare(plan);
  }
  await createDevice(dm, plan);
  await settle(dm, plan);
  const status = RemapDevice.open(dm, name).status();
  return {
    name,
    state: "activated",
    fields: { path: `/dev/mapper/${name}`, ...set, ...statusSummary(status) },
    words: `activated /dev/mapper/${name}: ${formatLength(plan.table.length, out.units)} of ` +
      `${devicePath(plan.table.main)}, spare ${devicePath(plan.table.spare)}, ` +
      `${amount(status.remapped, out.units)} relocated`,
    exitCode: isDegraded(status) ? 3 : 0,
  };
}

function finish(
  session: Session,
  outcomes: readonly Outcome[],
  remarks: readonly string[],
  none = "no spare with a table was found",
): void {
  const { out } = session;
  for (const remark of remarks) out.detail(remark);
  if (outcomes.length === 0) out.note(none);
  const failures = outcomes.filter(({ state }) => state === "failed");
  const worst = failures[0] ?? outcomes.find(({ exitCode }) => exitCode !== 0);
  if (worst !== undefined) session.exitCode = worst.exitCode;
  out.done(
    { devices: outcomes.map(({ name, state, fields }) => ({ name, state, ...fields })) },
    outcomes.map(({ words }) => words).filter((words) => words !== "").join("\n"),
  );
}
