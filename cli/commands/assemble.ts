// SPDX-License-Identifier: GPL-2.0-only
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { DeviceMapper } from "../../ffi/libdevmapper.ts";
import { activeAs, type ActiveDevice, activeDevices } from "../device/assemble/active.ts";
import { type AssembleOptions, Assembler, type Assembly } from "../device/assemble/plan.ts";
import { SPARES_FILE } from "../device/assemble/places.ts";
import { UsageError } from "../device/errors.ts";
import { createDevice, type PersistentPlan, prepareSpare, settle } from "../device/lifecycle.ts";
import { RemapDevice } from "../device/remap_device.ts";
import { isDegraded, type RemapStatus } from "../device/status_line.ts";
import { thisSystem } from "../device/system.ts";
import { openImage } from "../metadata/image.ts";
import { type ExitCode, exitCodeOf } from "../output/exit_codes.ts";
import type { JsonFields } from "../output/json.ts";
import { describeProblem, problemProse } from "../output/problem.ts";
import { formatLength } from "../output/units.ts";
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
  ],
  examples: [
    ["assemble r0", "activate r0, wherever its disks are plugged in now"],
    ["assemble --all", "activate everything; what the unit file in deploy/ runs at boot"],
    ["assemble --all -n", "show what would be activated"],
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
    .option("--spare <device>", "the spare, instead of a search")
    .option("--spare-start <sector>", "first sector of the spare range", sectorNumber)
    .option("--main <device>", "the main device, instead of a search")
    .option("--force", "with --main: take it although the table says another, and write that down")
    .action(async (typed, { all, ...options }) => {
      if (all ? typed !== undefined : typed === undefined) {
        throw new UsageError("give the name of one device, or --all");
      }
      if (all && Object.keys(options).length > 0) {
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
      if (typed === undefined) await assembleAll(session);
      else await assembleOne(session, deviceName(typed), options);
    });
  document(command, DOC);
}

/** How it went with one device. */
interface Outcome {
  readonly name: string;
  readonly state: "activated" | "active" | "planned" | "skipped" | "failed";
  readonly fields: JsonFields;
  /** For people. */
  readonly words: string;
  readonly exitCode: ExitCode;
}

async function assembleOne(
  session: Session,
  name: string,
  options: AssembleOptions,
): Promise<void> {
  using dm = session.openDeviceMapper();
  const active = activeAs(dm, name, options);
  const assembler = new Assembler(thisSystem, openImage, activeDevices(dm));
  const outcome = active === undefined
    ? await activate(session, dm, assembler.one(name, options))
    : alreadyActive(session, dm, active);
  finish(session, [outcome], assembler.remarks);
}

async function assembleAll(session: Session): Promise<void> {
  using dm = session.openDeviceMapper();
  const active = activeDevices(dm);
  const assembler = new Assembler(thisSystem, openImage, active);
  const outcomes = active.map((device) => alreadyActive(session, dm, device));
  const isActive = ({ table }: PersistentPlan) =>
    active.some((each) =>
      each.table.spare === table.spare && each.table.spareStart === table.spareStart
    );
  for (const assembly of assembler.all()) {
    if ("plan" in assembly && isActive(assembly.plan)) continue;
    if ("skipped" in assembly) {
      outcomes.push(skipped(assembly));
      continue;
    }
    outcomes.push(await attempt(session, dm, assembly));
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

/** One that fails must not keep the others from coming up. */
async function attempt(
  session: Session,
  dm: DeviceMapper,
  assembly: Exclude<Assembly, { skipped: string }>,
): Promise<Outcome> {
  try {
    if ("error" in assembly) throw assembly.error;
    return await activate(session, dm, assembly.plan);
  } catch (error) {
    const { message, device, code, exitCode, cure } = describeProblem(error);
    const spare = "plan" in assembly ? assembly.plan.spare.path : assembly.spare;
    session.terminal.writeErr(
      session.out.json ? "" : `${problemProse(describeProblem(error))}\n`,
    );
    return {
      name: assembly.name,
      state: "failed",
      fields: {
        spare: devicePath(spare),
        error: { code, exit_code: exitCode, device, message, cure },
      },
      words: "",
      exitCode: exitCodeOf(error),
    };
  }
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

function alreadyActive(session: Session, dm: DeviceMapper, device: ActiveDevice): Outcome {
  const { name, table } = device;
  const status = RemapDevice.open(dm, name).status();
  return {
    name,
    state: "active",
    fields: {
      path: `/dev/mapper/${name}`,
      table: tableFields(table),
      ...statusSummary(status),
    },
    words: session.out.quiet ? "" : `/dev/mapper/${name} is active already`,
    exitCode: 0,
  };
}

function statusSummary(status: RemapStatus): JsonFields {
  return {
    health: status.health,
    degraded: isDegraded(status),
    remapped_sectors: status.remapped,
    lost_sectors: status.lost,
  };
}

function finish(
  session: Session,
  outcomes: readonly Outcome[],
  remarks: readonly string[],
): void {
  const { out } = session;
  for (const remark of remarks) out.detail(remark);
  if (outcomes.length === 0) out.note("no spare with a table was found");
  const failures = outcomes.filter(({ state }) => state === "failed");
  const worst = failures[0] ?? outcomes.find(({ exitCode }) => exitCode !== 0);
  if (worst !== undefined) session.exitCode = worst.exitCode;
  out.done(
    { devices: outcomes.map(({ name, state, fields }) => ({ name, state, ...fields })) },
    outcomes.map(({ words }) => words).filter((words) => words !== "").join("\n"),
  );
}
