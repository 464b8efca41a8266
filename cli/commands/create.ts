// SPDX-License-Identifier: GPL-2.0-only
import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { UsageError } from "../device/errors.ts";
import {
  checkNameFree,
  createDevice,
  type PersistentOptions,
  type PersistentPlan,
  planPersistent,
  prepareSpare,
  settle,
} from "../device/lifecycle.ts";
import type { PendingPolicy, RemapFeatures } from "../device/table_line.ts";
import { SPARES_FILE } from "../device/assemble/places.ts";
import { RemapDevice } from "../device/remap_device.ts";
import { isDegraded } from "../device/status_line.ts";
import type { JsonFields } from "../output/json.ts";
import { formatLength } from "../output/units.ts";
import {
  checkKnownOptions,
  knownFields,
  type KnownOptions,
  knownSteps,
  knownWords,
  readKnown,
  settleKnown,
  writeKnown,
} from "./import_create.ts";
import { blockSizeNumber, statesOf } from "./import_source.ts";
import { type CommandDoc, document } from "./support/command_doc.ts";
import { sectorNumber, wholeNumber } from "./support/integers.ts";
import { deviceName } from "./support/names.ts";
import { showDryRun } from "./support/plan.ts";
import { amount, tableFields } from "./support/present.ts";
import type { Session } from "./support/session.ts";
import { requireTarget } from "./support/target.ts";

const UINT_MAX = 2n ** 32n - 1n;

const DOC: CommandDoc = {
  notes: [
    "The table of relocated sectors is kept on SPARE, in front of the slots. A SPARE that holds no " +
    "table gets an empty one, with the identity of MAIN in it; nothing but that area is written. " +
    "One that holds the table of this very MAIN is activated as it is, with the options it had " +
    "unless some are given here: nothing is lost. Every other table is refused.",
    "All numbers are 512-byte sectors. MAIN must not be mounted or held by another driver, and " +
    "SPARE must not carry a file system, RAID, LVM or partition table, nor the table of another " +
    "device; --force goes over that. What is lost for good is asked for, or wants --yes.",
    "With --volatile the table is in memory only: after a reboot or `remove` MAIN has its old " +
    "content in relocated sectors, so run `clear` first.",
    "With --badblocks or --ddrescue what a list calls bad is relocated before anybody can use the " +
    "device: what can be read is copied, the rest is lost until it is written. With --pending " +
    "these sectors stay on MAIN, and the next write relocates them. A list that does not fit, or " +
    "an interrupt, leaves no device behind.",
  ],
  examples: [
    ["create r0 /dev/sdb1 /dev/sdc1", "serve sdb1, with sdc1 as its spare"],
    [
      "create r0 /dev/sdb /dev/sdb --length 1953000000 --spare-start 1953000000",
      "let the tail of a disk be its own spare",
    ],
    ["create r0 /dev/sdb1 /dev/sdc1 -n", "show what would be written and loaded, do nothing"],
    ["create r0 /dev/sdb1 /dev/sdc1 --badblocks bad.txt", "relocate what badblocks(8) has found"],
    ["create r0 /dev/sdb1 /dev/sdc1 --format", "forget the table that sdc1 holds, start anew"],
  ],
  exits: [0, 1, 2, 3, 4, 5, 6, 130],
  complete: { name: "none" },
};

/** `create NAME MAIN SPARE` */
export function registerCreate(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("create")
    .summary("put a remap device over a disk")
    .description(
      "Creates the device NAME over MAIN, with SPARE for sectors that fail. Data on MAIN stays " +
        "as it is. What SPARE holds is overwritten, unless it is the table of this MAIN: " +
        "then the device goes on with that.",
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
    .option("--force", "go on where MAIN is in use, or SPARE has a signature or another's table")
    .option("--format", "start with an empty table, whatever table or remains SPARE holds of MAIN")
    .addOption(
      new Option("--badblocks <file>", "relocate what this list of badblocks(8) names of MAIN")
        .conflicts("ddrescue"),
    )
    .option("--ddrescue <file>", "relocate what this map file of ddrescue(1) calls bad of MAIN")
    .option("--block-size <bytes>", "the block size of the list (default: 1024)", blockSizeNumber)
    .option("--states <letters>", "states that count as bad, of ?*/-+ (default: -)", statesOf)
    .option("--pending", "make the sectors of the list pending, and relocate none")
    .option("--list-offset <sectors>", "where MAIN begins in what the list is of", sectorNumber)
    .action(async (name, main, spare, options) => {
      checkKnownOptions(options);
      const settings = settingsOf(options);
      await create(session, { ...settings, name: deviceName(name), main, spare }, options);
    });
  document(command, DOC);
}

/** Those options of `create` that are feature arguments. */
export interface FeatureOptions {
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

/** What is asked for, but for the three devices' names. */
type Settings = Omit<PersistentOptions, "name" | "main" | "spare">;

function settingsOf(options: FeatureOptions & Omit<Settings, "features">): Settings {
  if (options.volatile && options.format) {
    throw new UsageError("--volatile keeps no table on SPARE, there is nothing to --format");
  }
  return {
    ...given("mainStart", options.mainStart),
    ...given("length", options.length),
    ...given("spareStart", options.spareStart),
    ...given("spareLength", options.spareLength),
    ...given("uuid", options.uuid),
    ...given("readOnly", options.readOnly),
    ...given("force", options.force),
    ...given("format", options.format),
    features: featuresOf(options),
  };
}

/** @param planned what this machine has, and the spare holds, is looked at in it */
export async function create(
  session: Session,
  options: PersistentOptions,
  list: KnownOptions = {},
  planned: Promise<PersistentPlan> = planPersistent(options),
): Promise<void> {
  const { out } = session;
  const plan = await planned;
  const known = await readKnown(session, plan, list);
  for (const warning of plan.warnings) out.warn(warning);
  if (session.dryRun) {
    const { note, messages } = knownSteps(plan, known);
    const { notes = [], ...work } = spareWork(plan);
    showDryRun(out, {
      device: plan.name,
      ...plan.uuid === undefined ? {} : { uuid: plan.uuid },
      table: plan.line,
      ...work,
      ...note === undefined && notes.length === 0 ? {} : { notes: [...notes, note ?? []].flat() },
      ...given("messages", messages),
    });
    return;
  }
  using dm = session.openDeviceMapper();
  checkNameFree(dm, plan.name);
  await confirmLosses(session, plan, options);
  if (plan.action.kind !== "volatile") await requireTarget(dm, plan.name);
  prepareSpare(plan);
  writeKnown(plan, known);
  await createDevice(dm, plan);
  await settle(dm, plan);
  const outcome = await settleKnown(session, dm, plan, known);
  if (outcome !== undefined && outcome.lost + outcome.pending > 0n) session.degraded();
  const { kind } = plan.action;
  const status = kind === "activate" ? RemapDevice.open(dm, plan.name).status() : undefined;
  if (status !== undefined && isDegraded(status)) session.degraded();
  const path = `/dev/mapper/${plan.name}`;
  out.done(
    {
      name: plan.name,
      path,
      table: tableFields(plan.table),
      warnings: plan.warnings,
      spare: kind,
      ...actionFields(plan),
      ...knownFields(known, outcome),
    },
    `${kind === "activate" ? "activated" : "created"} ${path}: ` +
      `${formatLength(plan.table.length, out.units)} of ${plan.main.path}, ` +
      `spare ${formatLength(plan.table.spareLength, out.units)} of ${plan.spare.path}` +
      (status === undefined ? "" : `, ${amount(status.remapped, out.units)} relocated`) +
      knownWords(session, outcome),
  );
  adviseOnBoot(session, plan);
}

/** What cannot be taken back, in one question. */
async function confirmLosses(
  session: Session,
  plan: PersistentPlan,
  options: PersistentOptions,
): Promise<void> {
  const { action } = plan;
  const lost = action.kind === "format" ? action.replaces : undefined;
  if (options.force) {
    const overwritten = plan.warnings.length === 0 ? "" : `, although ${plan.warnings.join("; ")}`;
    await session.confirm(plan.name, `creates the device with --force${overwritten}`);
  } else if (lost !== undefined) {
    await session.confirm(plan.name, `starts with an empty table; ${plan.spare.path} ${lost}`);
  }
}

/** Words for `--dry-run`. */
function spareWork({ action, spare, table }: PersistentPlan) {
  const from = `sectors ${table.spareStart}+`;
  switch (action.kind) {
    case "volatile":
      return action.wipe ? { notes: [`overwrite ${from}16 of ${spare.path} with zeroes`] } : {};
    case "format":
      return {
        notes: [
          `write an empty table to ${from}${action.metadataSectors} of ${spare.path}, ` +
          `for main ${action.mainId ?? "(no identity)"}, set ${action.uuid}`,
        ],
        spare: "format",
      };
    case "activate":
      return {
        notes: [
          `go on with the table that ${spare.path} holds: ${action.counts.remapped} sectors ` +
          `relocated, set ${action.superblock.uuid}`,
        ],
        spare: "activate",
      };
  }
}

function actionFields({ action }: PersistentPlan): JsonFields {
  if (action.kind === "volatile") return {};
  const uuid = action.kind === "format" ? action.uuid : action.superblock.uuid;
  const mainId = action.kind === "format" ? action.mainId : action.superblock.mainId;
  return { set_uuid: uuid, main_id: mainId === "" ? undefined : mainId };
}

/** What `assemble` will need to know, said while somebody looks. */
function adviseOnBoot({ out }: Session, { action, table, spare }: PersistentPlan): void {
  if (action.kind !== "format") return;
  if (action.mainId === undefined) {
    out.note(
      "MAIN has no serial number, WWN or partition UUID: `assemble` cannot find it by itself, " +
        "give it --main",
    );
  }
  if (table.spareStart !== 0n) {
    out.note(
      `\`assemble\` looks at the start of devices only; put this line into ${SPARES_FILE} ` +
        `(better with a name below /dev/disk): ${spare.path} ${table.spareStart}`,
    );
  }
}

/** The feature arguments that the options of `create` come to. */
export function featuresOf(options: FeatureOptions): RemapFeatures {
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
