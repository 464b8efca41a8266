// SPDX-License-Identifier: GPL-2.0-only
import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import type { RemapDevice } from "../device/remap_device.ts";
import type { SectorRange } from "../device/sectors.ts";
import { DEFAULT_BLOCK_SIZE, formatBadblocks } from "../lists/badblocks.ts";
import { formatRescueMap, mapOf } from "../lists/ddrescue.ts";
import { areasOf, SECTOR_BYTES } from "../lists/place.ts";
import type { JsonFields } from "../output/json.ts";
import { countOf } from "../output/units.ts";
import { badRanges, writeList } from "./export_table.ts";
import { blockSizeNumber, type ListFormat } from "./import_source.ts";
import { document } from "./support/command_doc.ts";
import { sectorNumber } from "./support/integers.ts";
import { amount } from "./support/present.ts";
import type { Session } from "./support/session.ts";

/** The options that both lists take. */
interface ExportOptions {
  readonly unreadable?: true;
  readonly ofMain?: true;
  readonly listOffset?: bigint;
  readonly force?: true;
}

const NOTES = [
  "The list names every sector that is relocated or pending: those that are bad on the main " +
  "device. With --unreadable it names only those that cannot be read through NAME either, which " +
  "is what a file system on NAME or a rescue from NAME should know of.",
  "Positions count from the start of NAME; with --of-main from the start of its main device.",
  "FILE is written as a whole or not at all. Without it, or with -, the list goes to stdout; " +
  "--json shows the sectors there instead.",
];

/** `export badblocks|ddrescue` */
export function registerExport(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("export")
    .summary("write the bad areas of a device for another program")
    .description(
      "Lists the sectors that are relocated, lost or pending in the form of badblocks(8) or of " +
        "ddrescue(1).",
    );
  registerBadblocks(command, session);
  registerDdrescue(command, session);
  document(command, {
    examples: [
      ["export badblocks r0 bad.txt", "for badblocks(8), or another `import`"],
      ["export ddrescue r0 rescue.map --unreadable", "for a rescue of what is still there"],
    ],
    exits: [0, 1, 2, 5, 6, 130],
  });
}

function registerBadblocks(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("badblocks")
    .summary("as a list of badblocks(8)")
    .description("Prints the numbers of all blocks that hold bad sectors of NAME, one a line.")
    .argument("<name>", "the device")
    .argument("[file]", "where to; - or nothing for stdout")
    .option("--block-size <bytes>", "the block size of the list (default: 1024)", blockSizeNumber)
    .option("--unreadable", "only what cannot be read through NAME either")
    .addOption(
      new Option("--of-main", "count from the start of the main device").conflicts("listOffset"),
    )
    .option("--list-offset <sectors>", "count from so many sectors before NAME", sectorNumber)
    .option("--force", "write over a FILE that is there")
    .action(async (name, file, { blockSize = DEFAULT_BLOCK_SIZE, ...options }) => {
      await exportList(session, name, file, options, {
        format: "badblocks",
        fields: { block_size_bytes: blockSize },
        text: (ranges, start) => formatBadblocks(areasOf(ranges, start), blockSize),
      });
    });
  document(command, {
    notes: NOTES,
    examples: [
      ["export badblocks r0 bad.txt --of-main", "the bad blocks of the disk below, of 1024 bytes"],
      [
        "export badblocks r0 bad.txt --unreadable --block-size 4096",
        "for `e2fsck -l bad.txt /dev/mapper/r0`, if its blocks have 4096 bytes",
      ],
    ],
    exits: [0, 1, 2, 5, 6, 130],
  });
}

function registerDdrescue(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("ddrescue")
    .summary("as a map file of ddrescue(1)")
    .description(
      "Prints a map of NAME in which bad sectors are `-`, and everything else is not tried yet.",
    )
    .argument("<name>", "the device")
    .argument("[file]", "where to; - or nothing for stdout")
    .option("--unreadable", "only what cannot be read through NAME either")
    .option("--rescued", "call everything else rescued: a copy of it is there")
    .addOption(
      new Option("--of-main", "count from the start of the main device").conflicts("listOffset"),
    )
    .option("--list-offset <sectors>", "count from so many sectors before NAME", sectorNumber)
    .option("--force", "write over a FILE that is there")
    .action(async (name, file, { rescued, ...options }) => {
      await exportList(session, name, file, options, {
        format: "ddrescue",
        fields: {},
        text: (ranges, start, length) => {
          const extent = { start: start * SECTOR_BYTES, size: length * SECTOR_BYTES };
          const rest = rescued ? "+" : "?";
          const map = mapOf(areasOf(ranges, start), { ...extent, bad: "-", rest });
          return formatRescueMap(map, [`Mapfile. Created by dmremap-ts from ${name}`]);
        },
      });
    });
  document(command, {
    notes: [
      ...NOTES,
      "ddrescue takes what is called rescued for copied, and never reads it: --rescued is for a " +
      "copy that exists.",
    ],
    examples: [
      [
        "export ddrescue r0 rescue.map --unreadable",
        "for `ddrescue -d /dev/mapper/r0 copy.img rescue.map`",
      ],
      ["export ddrescue r0 - --of-main --rescued | ddrescuelog -t -", "a summary by ddrescuelog"],
    ],
    exits: [0, 1, 2, 5, 6, 130],
  });
}

interface Form {
  readonly format: ListFormat;
  readonly fields: JsonFields;
  readonly text: (
    ranges: readonly SectorRange[],
    start: bigint,
    length: bigint,
  ) => Iterable<string>;
}

async function exportList(
  session: Session,
  name: string,
  file: string | undefined,
  options: ExportOptions,
  form: Form,
): Promise<void> {
  await session.withDevice(name, async (device) => {
    const ranges = await badRanges(session, device, options.unreadable ?? false);
    const start = startOf(device, options);
    const { length } = device.table();
    const fields = { name: device.name, format: form.format, ...form.fields };
    const toStdout = file === undefined || file === "-";
    if (toStdout && session.out.json) {
      const areas = ranges.map(({ first, count }) => ({
        start_sectors: first + start,
        length_sectors: count,
      }));
      return session.out.result({ ...fields, areas }, () => "");
    }
    if (session.dryRun && !toStdout) {
      const plan = { dry_run: true, ...fields, file, areas: ranges.length };
      return session.out.done(plan, `${file} would be written`);
    }
    await writeList(session, file, form.text(ranges, start, length), options.force ?? false);
    if (toStdout) return;
    const sectors = ranges.reduce((sum, { count }) => sum + count, 0n);
    session.out.done(
      { ...fields, file, areas: ranges.length, listed_sectors: sectors },
      `${file}: ${amount(sectors, session.out.units)} of ${device.name} in ` +
        countOf(ranges.length, "area"),
    );
  });
}

function startOf(device: RemapDevice, { ofMain, listOffset }: ExportOptions): bigint {
  return ofMain ? device.table().mainStart : listOffset ?? 0n;
}
