// SPDX-License-Identifier: GPL-2.0-only
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { checkMetadata, type CheckReport, type TableCounts } from "../metadata/check.ts";
import { isMigrating, type Superblock } from "../metadata/superblock.ts";
import { quote, timeText } from "../metadata/text.ts";
import { EXIT } from "../output/exit_codes.ts";
import type { JsonFields } from "../output/json.ts";
import type { Output } from "../output/output.ts";
import { formatPairs } from "../output/table.ts";
import { countOf, formatLength } from "../output/units.ts";
import {
  inWords,
  openTarget,
  signatureOn,
  START_OPTION,
  type Target,
  useOf,
} from "./meta_target.ts";
import { document } from "./support/command_doc.ts";
import { sectorNumber } from "./support/integers.ts";
import type { Session } from "./support/session.ts";

/** `meta check DEV` */
export function registerMetaCheck(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("check")
    .summary("say whether the table on a spare is sound")
    .description(
      "Reads the metadata on DEV as the module would, and says what is wrong with it, where, and " +
        "what to do about it. Never writes.",
    )
    .argument("<dev>", "the spare device, or a file with an image of it")
    .option(...START_OPTION, sectorNumber)
    .action((path, options) => check(session, { path, ...options }));
  document(command, {
    notes: [
      "Exit code 0 means that the module will load this table; there may be notes on what is odd, " +
      "but harmless. Exit code 4 means that it will refuse: because of damage, or because a " +
      "migration to DEV was not finished, or has moved its content to another spare.",
    ],
    examples: [
      ["meta check /dev/sdc1", "of a spare that is a partition"],
      ["meta check /dev/sdb --start 1953000000", "of a spare at the tail of a disk"],
      ["meta check sdc1.img --json", "of an image, for a script"],
    ],
    exits: [0, 1, 2, 4, 130],
    complete: { dev: "file" },
  });
}

function check(session: Session, target: Target): void {
  const { path } = target;
  let report: CheckReport;
  try {
    using image = openTarget(target);
    report = withStart(target, checkMetadata(image));
  } catch (error) {
    throw inWords(error, path);
  }
  const notes = [...report.notes, ...surroundings(target, report)];
  session.out.result(
    reportFields(path, { ...report, notes }),
    () => reportText(session.out, path, { ...report, notes }),
  );
  if (report.problems.length > 0) session.exitCode = EXIT.damaged;
}

/** What else there is to know of the place. */
function surroundings(target: Target, { superblock }: CheckReport): string[] {
  const { path } = target;
  const use = useOf(path);
  const other = superblock === undefined ? signatureOn(target) : undefined;
  return [
    ...use === undefined ? [] : [`${path} ${use}: what was read may change at any time`],
    ...other === undefined
      ? []
      : [`${path} carries a signature of something else (${other}): is it the spare at all?`],
  ];
}

/** Commands that help have to look at the same place. */
function withStart({ start = 0n }: Target, report: CheckReport): CheckReport {
  if (start === 0n) return report;
  const problems = report.problems.map(({ cure, ...problem }) => ({
    ...problem,
    cure: cure.replace(" --output OTHER", ` --start ${start}$&`),
  }));
  return { ...report, problems };
}

/** What a check found, as JSON fields. */
function reportFields(device: string, report: CheckReport): JsonFields {
  const { problems, notes, superblock, generation, counts } = report;
  const head = superblock ?? report.migrated?.superblock;
  return {
    device,
    sound: problems.length === 0,
    generation,
    ...countFields(counts),
    problems: problems.map(({ code, where, message, cure }) => ({ code, where, message, cure })),
    notes,
    migration: report.migrated?.kind,
    superblock: head === undefined ? undefined : superblockFields(head),
  };
}

/** The counts of a table as JSON fields. */
export function countFields({ entries, remapped, lost, pending, bad }: TableCounts): JsonFields {
  return {
    entries,
    remapped_sectors: remapped,
    lost_sectors: lost,
    pending_sectors: pending,
    bad_sectors: bad,
  };
}

/** A superblock as JSON fields. */
export function superblockFields(superblock: Superblock): JsonFields {
  return {
    uuid: superblock.uuid,
    name: superblock.name,
    main_id: superblock.mainId,
    args: superblock.args,
    created: timeText(superblock.created),
    written: timeText(superblock.written),
    generation: superblock.generation,
    sequence: superblock.sequence,
    block_sectors: superblock.blockSectors,
    main_start_sectors: superblock.mainStart,
    main_sectors: superblock.mainSectors,
    main_device_sectors: superblock.mainDeviceSectors,
    spare_start_sectors: superblock.spareStart,
    spare_sectors: superblock.spareSectors,
    spare_device_sectors: superblock.spareDeviceSectors,
    checkpoint: superblock.checkpoint,
    checkpoint_used: superblock.checkpointUsed,
    entries: superblock.entries,
    remapped_sectors: superblock.remapped,
    lost_sectors: superblock.lost,
    pending_sectors: superblock.pending,
    bad_sectors: superblock.bad,
    incompat: superblock.incompat,
    ro_compat: superblock.roCompat,
    compat: superblock.compat,
    ...superblock.linkedUuid === ""
      ? {}
      : { linked_uuid: superblock.linkedUuid, linked_generation: superblock.linkedGeneration },
  };
}

function reportText(out: Output, device: string, report: CheckReport): string {
  const { problems, notes, migrated } = report;
  const verdict = problems.length === 0
    ? out.tint("good", "sound")
    : migrated !== undefined
    ? out.tint("bad", migrated.kind === "moved" ? "left by a migration" : "migration not finished")
    : `${out.tint("bad", "damaged")}, ${countOf(problems.length, "problem")}`;
  return [
    `${device}: ${verdict}`,
    ...problems.map(({ code, where, message, cure }) =>
      `  ${where}: ${message} [${code}]\n    do: ${cure.replace(/^run: /, "")}`
    ),
    formatPairs(tablePairs(out, report)),
    ...notes.map((note) => `note: ${note}`),
  ].filter((part) => part !== "").join("\n");
}

function tablePairs(
  { units }: Output,
  { superblock: sound, migrated, generation, counts, problems }: CheckReport,
): [string, string][] {
  const superblock = sound ?? migrated?.superblock;
  if (superblock === undefined) return [];
  const length = (sectors: number) => formatLength(BigInt(sectors), units);
  const label: [string, string][] = [
    ["device", `${quote(superblock.name)}, ${length(superblock.mainSectors)}`],
    ["uuid", superblock.uuid],
  ];
  if (superblock.linkedUuid !== "") {
    const word = migrated?.kind === "moved"
      ? "moved to"
      : isMigrating(superblock)
      ? "moving to"
      : "came from";
    label.push([word, superblock.linkedUuid]);
  }
  if (superblock.mainId !== "") label.push(["main", quote(superblock.mainId)]);
  // Counts of a table that cannot be loaded would be taken for what is in it.
  if (problems.length > 0) return label;
  return [
    ...label,
    ["generation", String(generation ?? superblock.generation)],
    ["relocated", `${countOf(counts.remapped, "sector")}, ${counts.lost} of them lost`],
    ["pending", countOf(counts.pending, "sector")],
    ["bad slots", countOf(counts.bad, "sector")],
    ["entries", String(counts.entries)],
  ];
}
