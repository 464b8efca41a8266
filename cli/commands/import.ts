// SPDX-License-Identifier: GPL-2.0-only
import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { sysfsOf } from "../device/block_device.ts";
import { thisSystem } from "../device/system.ts";
import type { Frame, Placed } from "../lists/place.ts";
import {
  applyFate,
  type Fate,
  fateMessages,
  noteElsewhere,
  type Outcome,
  placeList,
} from "./import_areas.ts";
import { blockSizeNumber, type ListSource, readList, statesOf } from "./import_source.ts";
import { document } from "./support/command_doc.ts";
import { sectorNumber } from "./support/integers.ts";
import { deviceName } from "./support/names.ts";
import { showDryRun } from "./support/plan.ts";
import { amount } from "./support/present.ts";
import type { Session } from "./support/session.ts";

/** The options that both lists take. */
interface ImportOptions {
  readonly pending?: true;
  readonly relocate?: true;
  readonly ofMain?: true;
  readonly listOffset?: bigint;
}

const relocateOption = () =>
  new Option("--relocate", "relocate the sectors (default)").conflicts("pending");
const PENDING_OPTION = ["--pending", "only read them, and make those pending that fail"] as const;
const ofMainOption = () =>
  new Option("--of-main", "the list counts from the start of the main device")
    .conflicts("listOffset");
const LIST_OFFSET_OPTION = [
  "--list-offset <sectors>",
  "where NAME begins in what the list is of",
  sectorNumber,
] as const;

const NOTES = [
  "Sectors are relocated unless --pending is given: what can be read is copied, what cannot is " +
  "relocated as lost, so that reading it fails until it is written. A sector that is bad in part " +
  "counts as bad, and so does a logical block. What is relocated already counts as done, so that " +
  "a list may be imported again.",
  "--pending has the kernel read what the list names (a `scan`): sectors that fail are pending " +
  "afterwards, and the next write relocates them; those that can be read stay as they are.",
  "A list that names sectors past the end of NAME is refused: mostly its block size is another " +
  "one. With --of-main or --list-offset it is of something larger, and only the part that lies " +
  "on NAME is taken.",
];

/** `import badblocks|ddrescue` */
export function registerImport(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("import")
    .summary("take over known bad areas from another program's list")
    .description(
      "Relocates the sectors that a list of badblocks(8) or a map file of ddrescue(1) calls bad, " +
        "before anybody meets them. `create` takes such lists as well.",
    );
  registerBadblocks(command, session);
  registerDdrescue(command, session);
  document(command, {
    examples: [
      ["import badblocks r0 bad.txt", "the blocks that `badblocks -o bad.txt` found"],
      ["import ddrescue r0 rescue.map", "the sectors that ddrescue could not read"],
    ],
    exits: [0, 1, 2, 3, 5, 6, 130],
  });
}

function registerBadblocks(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("badblocks")
    .summary("from a list of badblocks(8)")
    .description(
      "Reads block numbers, one a line and in any order, and relocates what they name of NAME.",
    )
    .argument("<name>", "the device")
    .argument("<file>", "the list; - for stdin")
    .option("--block-size <bytes>", "the block size of the list (default: 1024)", blockSizeNumber)
    .addOption(relocateOption())
    .option(...PENDING_OPTION)
    .addOption(ofMainOption())
    .option(...LIST_OFFSET_OPTION)
    .action(async (name, file, { blockSize, ...options }) => {
      const size = blockSize === undefined ? {} : { blockSize };
      await importList(session, name, { format: "badblocks", file, ...size }, options);
    });
  document(command, {
    notes: NOTES,
    examples: [
      ["import badblocks r0 bad.txt", "blocks of 1024 bytes, as badblocks(8) counts by itself"],
      ["import badblocks r0 - --block-size 4096 < bad.txt", "from stdin, in another block size"],
      ["import badblocks r0 bad.txt --pending", "keep what can still be read where it is"],
    ],
    exits: [0, 1, 2, 3, 5, 6, 130],
  });
}

function registerDdrescue(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("ddrescue")
    .summary("from a map file of ddrescue(1)")
    .description("Reads a map file, and relocates what it calls bad of NAME.")
    .argument("<name>", "the device")
    .argument("<file>", "the map file; - for stdin")
    .option("--states <letters>", "states that count as bad, of ?*/-+ (default: -)", statesOf)
    .addOption(relocateOption())
    .option(...PENDING_OPTION)
    .addOption(ofMainOption())
    .option(...LIST_OFFSET_OPTION)
    .action(async (name, file, { states, ...options }) => {
      const which = states === undefined ? {} : { states };
      await importList(session, name, { format: "ddrescue", file, ...which }, options);
    });
  document(command, {
    notes: NOTES,
    examples: [
      ["import ddrescue r0 rescue.map", "the sectors that ddrescue calls bad"],
      ["import ddrescue r0 rescue.map --states '*/-'", "all that failed, if it was interrupted"],
      ["import ddrescue r0 rescue.map -n", "show what would be relocated"],
    ],
    exits: [0, 1, 2, 3, 5, 6, 130],
  });
}

async function importList(
  session: Session,
  typed: string,
  source: ListSource,
  options: ImportOptions,
): Promise<void> {
  const name = deviceName(typed);
  const fate: Fate = options.pending ? "pending" : "relocate";
  await session.withDevice(name, async (device) => {
    const list = await readList(session, source);
    const { length, main, mainStart } = device.table();
    const offset = options.ofMain ? mainStart : options.listOffset;
    const frame: Frame = { start: offset ?? 0n, length, blockSectors: blockSectorsOf(main) };
    const whole = offset === undefined ? { path: name, sizeSectors: length } : undefined;
    const placed = placeList(list, frame, whole);
    noteElsewhere(session, list.file, placed);
    if (session.dryRun) {
      const messages = fateMessages(fate, placed.ranges, length);
      return showDryRun(session.out, { device: name, messages });
    }
    const outcome = await applyFate(session, device, fate, placed);
    report(session, name, list.file, placed, fate, outcome);
  });
}

function report(
  session: Session,
  name: string,
  file: string,
  { ranges, sectors, elsewhere }: Placed,
  fate: Fate,
  { relocated, lost, pending }: Outcome,
): void {
  const { out } = session;
  if (lost > 0n || pending > 0n) session.degraded();
  const { units } = out;
  const named = `${file} names ${amount(sectors, units)} of ${name}`;
  const done = fate === "relocate"
    ? `on the spare: ${amount(relocated, units)}` +
      (lost > 0n ? `, ${amount(lost, units)} of them lost` : "")
    : `pending: ${amount(pending, units)}, relocated before: ${amount(relocated, units)}`;
  out.done(
    {
      name,
      file,
      areas: ranges.length,
      areas_elsewhere: elsewhere,
      listed_sectors: sectors,
      remapped_sectors: relocated,
      lost_sectors: lost,
      pending_sectors: fate === "pending" ? pending : undefined,
    },
    `${named}; ${done}`,
  );
}

/** What is relocated is whole logical blocks of the main device. */
function blockSectorsOf(main: string): bigint {
  const text = thisSystem.read(`${sysfsOf(main)}/queue/logical_block_size`) ??
    thisSystem.read(`${sysfsOf(main)}/../queue/logical_block_size`) ?? "";
  return /^\d+$/.test(text) ? BigInt(text) / 512n : 1n;
}
