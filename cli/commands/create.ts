// SPDX-License-Identifier: GPL-2.0-only
import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { UsageError } from "../device/errors.ts";
import { createDevice, type CreateOptions, planCreate } from "../device/lifecycle.ts";
import type { PendingPolicy, RemapFeatures } from "../device/table_line.ts";
import { formatLength } from "../output/units.ts";
import { type CommandDoc, document } from "./support/command_doc.ts";
import { sectorNumber, wholeNumber } from "./support/integers.ts";
import { deviceName } from "./support/names.ts";
import { showDryRun } from "./support/plan.ts";
import { tableFields } from "./support/present.ts";
import type { Session } from "./support/session.ts";

const UINT_MAX = 2n ** 32n - 1n;

const DOC: CommandDoc = {
  notes: [
    "This version of the module keeps the table of relocated sectors in memory only. It creates " +
    "nothing without --volatile, which says that you know: after a reboot or `remove` MAIN has " +
    "its old content in relocated sectors, so run `clear` first.",
    "All numbers are 512-byte sectors. MAIN must not be mounted or held by another driver, and " +
    "SPARE must not carry a file system, RAID, LVM or partition table; --force goes over that, " +
    "and asks, or wants --yes.",
  ],
  examples: [
    ["create r0 /dev/sdb1 /dev/sdc1 --volatile", "serve sdb1, with sdc1 as its spare"],
    [
      "create r0 /dev/sdb /dev/sdb --length 1953000000 --spare-start 1953000000 --volatile",
      "let the tail of a disk be its own spare",
    ],
    ["create r0 /dev/sdb1 /dev/sdc1 --volatile -n", "show the dm table and do nothing"],
  ],
  exits: [0, 1, 2, 5, 6, 130],
  complete: { name: "none" },
};

/** `create NAME MAIN SPARE` */
export function registerCreate(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("create")
    .summary("put a remap device over a disk")
    .description(
      "Creates the device NAME over MAIN, with SPARE for sectors that fail. Data on MAIN stays " +
        "as it is; what SPARE holds is overwritten.",
    )
    .argument("<name>", "the new device, /dev/mapper/NAME")
    .argument("<main>", "the block device to be served")
    .argument("<spare>", "the block device that replaces its sectors; may be MAIN, another range")
    .option("--main-start <sector>", "first sector of MAIN that is used", sectorNumber)
    .option("--length <sectors>", "length of the device", sectorNumber)
    .option("--spare-start <sector>", "first sector of SPARE that is used", sectorNumber)
    .option("--spare-length <sectors>", "length of the spare range", sectorNumber)
    .option("--volatile", "keep the table of relocated sectors in memory only")
    .option("--max-remaps <sectors>", "relocate at most so many; 0: all that SPARE holds", sectors)
    .option("--no-auto-remap", "detect and count bad sectors, never relocate by itself")
    .option("--retries <n>", "tries before a sector counts as bad", wholeNumber({ max: UINT_MAX }))
    .option("--retry-delay-ms <n>", "delay before the first retry", wholeNumber({ max: UINT_MAX }))
    .option("--proactive", "also relocate a sector that needed a retry but gave its data")
    .addOption(
      new Option("--pending-policy <policy>", "what a write to a pending sector does")
        .choices(["relocate", "verify"] as const),
    )
    .option("--verify-reads", "keep checksums of what was written, and check them on read")
    .option("--scan-interval-s <n>", "read the whole device every N seconds; 0: never", seconds)
    .option("--read-only", "let nobody write to the device")
    .option("--uuid <uuid>", "the device's dm UUID")
    .option("--force", "go on where MAIN is in use or SPARE carries a signature")
    .action(async (name, main, spare, options) => {
      requireVolatile(options);
      await create(session, {
        name: deviceName(name),
        main,
        spare,
        ...given("mainStart", options.mainStart),
        ...given("length", options.length),
        ...given("spareStart", options.spareStart),
        ...given("spareLength", options.spareLength),
        ...given("uuid", options.uuid),
        ...given("readOnly", options.readOnly),
        ...given("force", options.force),
        features: featuresOf(options),
      });
    });
  document(command, DOC);
}

interface FeatureOptions {
  readonly volatile?: true;
  readonly maxRemaps?: bigint;
  readonly autoRemap: boolean;
  readonly retries?: bigint;
  readonly retryDelayMs?: bigint;
  readonly proactive?: true;
  readonly pendingPolicy?: PendingPolicy;
  readonly verifyReads?: true;
  readonly scanIntervalS?: bigint;
}

async function create(session: Session, options: CreateOptions): Promise<void> {
  const plan = await planCreate(options);
  for (const warning of plan.warnings) session.out.warn(warning);
  if (session.dryRun) {
    showDryRun(session.out, { device: plan.name, table: plan.line });
    return;
  }
  using dm = session.openDeviceMapper();
  if (options.force) {
    const overwritten = plan.warnings.length === 0 ? "" : `, although ${plan.warnings.join("; ")}`;
    await session.confirm(plan.name, `creates the device with --force${overwritten}`);
  }
  await createDevice(dm, plan);
  const path = `/dev/mapper/${plan.name}`;
  const { out } = session;
  out.done(
    { name: plan.name, path, table: tableFields(plan.table), warnings: plan.warnings },
    `created ${path}: ${formatLength(plan.table.length, out.units)} of ${plan.main.path}, ` +
      `spare ${formatLength(plan.table.spareLength, out.units)} of ${plan.spare.path}`,
  );
}

/** Refuses before anything is touched, with what it means in the user's words. */
function requireVolatile(options: { readonly volatile?: true }): void {
  if (options.volatile) return;
  throw new UsageError(
    "this version of the module cannot store the table of relocated sectors on the spare",
    {
      cure:
        "give --volatile to keep it in memory only; relocated sectors then have to go back to " +
        "MAIN (`dmremap-ts clear NAME`) before the device is removed or the machine goes down",
    },
  );
}

function featuresOf(options: FeatureOptions): RemapFeatures {
  return {
    ...given("volatile", options.volatile),
    ...given("maxRemaps", options.maxRemaps),
    ...options.autoRemap ? {} : { noAutoRemap: true },
    ...given("retries", options.retries),
    ...given("retryDelayMs", options.retryDelayMs),
    ...given("proactive", options.proactive),
    ...given("pendingPolicy", options.pendingPolicy),
    ...given("verifyReads", options.verifyReads),
    ...given("scanIntervalS", options.scanIntervalS),
  };
}

/** A field that is there only if it has a value, as exact optional properties want it. */
function given<K extends string, V>(key: K, value: V | undefined): { [key in K]?: V } {
  return value === undefined ? {} : { [key]: value } as { [key in K]: V };
}

function sectors(text: string): bigint {
  return sectorNumber(text);
}

function seconds(text: string): bigint {
  return wholeNumber({ max: UINT_MAX })(text);
}
