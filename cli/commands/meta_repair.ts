// SPDX-License-Identifier: GPL-2.0-only
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { resolveBlockDevice } from "../device/block_device.ts";
import { MetadataDamagedError, UsageError } from "../device/errors.ts";
import { identityOf } from "../device/identity.ts";
import { thisSystem } from "../device/system.ts";
import { checkMetadata } from "../metadata/check.ts";
import type { Image } from "../metadata/image.ts";
import { loadMetadata } from "../metadata/load.ts";
import { SECTOR_SIZE } from "../metadata/format.ts";
import type { KnownMain } from "../metadata/repair_lost.ts";
import { BeyondRepairError, type Loss, type Salvage, salvage } from "../metadata/repair.ts";
import { countExtents } from "../metadata/text.ts";
import type { JsonFields } from "../output/json.ts";
import { countOf } from "../output/units.ts";
import { countFields } from "./meta_check.ts";
import { copySlots, keepCopy, prepareOutput } from "./meta_copy.ts";
import { inWords, openTarget, requireUnused, START_OPTION, type Target } from "./meta_target.ts";
import { requireRoom, writeAndCheck } from "./meta_write.ts";
import { document } from "./support/command_doc.ts";
import { sectorNumber } from "./support/integers.ts";
import type { Session } from "./support/session.ts";

interface RepairOptions {
  readonly output?: string;
  readonly inPlace?: true;
  readonly start?: bigint;
  readonly outputStart?: bigint;
  readonly backup?: string;
  readonly main?: string;
  readonly force?: true;
}

/** `meta repair DEV` */
export function registerMetaRepair(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("repair")
    .summary("save what can be saved of a damaged table")
    .description(
      "Puts the table of DEV together from what is sound: either superblock, both checkpoints, the " +
        "journal. Says what it could not save, and never guesses where a sector is.",
    )
    .argument("<dev>", "the spare device, or a file with an image of it")
    .option("--output <file>", "write the repaired spare there: a device, or a file that is made")
    .option("--in-place", "write the repaired table to DEV itself")
    .option("--backup <file>", "with --in-place: first keep DEV's metadata area in this new file")
    .option("--main <main>", "the main device, where both superblocks of DEV are gone")
    .option(...START_OPTION, sectorNumber)
    .option("--output-start <sector>", "where the range begins on the output", sectorNumber)
    .option("--force", "overwrite metadata, or a signature, that the output holds")
    .action((path, options) => repair(session, path, options));
  document(command, {
    notes: [
      "With --output the content of the slots is copied as well, so that the output can take DEV's " +
      "place as a spare; a slot that cannot be read becomes a lost sector. --in-place only writes " +
      "metadata; when it is cut short by a crash, run it again, or put the --backup back with dd.",
      "A table whose superblocks are both gone is found with --main, if it was made for the whole of " +
      "both devices; it has lost its name and options, which `create` and the next checkpoint bring. " +
      "MAIN has to be the right one: nothing that is left on DEV could tell.",
      "Exit code 3 means that the table is sound again, and something of it could not be saved.",
    ],
    examples: [
      ["meta repair /dev/sdc1 --output /dev/sdd1", "to another device, which becomes the spare"],
      ["meta repair /dev/sdc1 --in-place --backup sdc1.head", "on the spare itself"],
      ["meta repair /dev/sdc1 --in-place -n", "see what can be saved"],
      ["meta repair /dev/sdc1 --in-place --main /dev/sdb1", "after the head was overwritten"],
    ],
    exits: [0, 1, 2, 3, 4, 5, 130],
    complete: { dev: "file" },
  });
}

async function repair(session: Session, path: string, options: RepairOptions): Promise<void> {
  const source = at(path, options.start);
  const output = destination(source, options);
  if (output === source && !session.dryRun) requireUnused(path);
  const found = examine(source, options.main);
  if (found.nothing && output === source) {
    return session.out.done(
      { device: path, repaired: false, ...countFields(found.saved.counts), losses: [] },
      `${path}: sound, nothing to repair`,
    );
  }
  showLosses(session, found.saved);
  if (found.saved.trustsMain) {
    session.out.warn(
      `sizes are those of ${options.main}: nothing that is left on ${path} can tell whether that ` +
        "is its main device",
    );
  }
  if (session.dryRun) return report(session, path, options, found.saved);
  const saved = output === source
    ? await inPlace(session, source, options, found.saved)
    : await toOutput(session, source, output, options, found.saved);
  report(session, path, options, saved);
}

function at(path: string, start: bigint | undefined): Target {
  return { path, ...start === undefined ? {} : { start } };
}

/** Where to: the source itself, or something else. */
function destination(source: Target, options: RepairOptions): Target {
  const { output, inPlace, backup, outputStart, force } = options;
  if ((output === undefined) === (inPlace === undefined)) {
    throw new UsageError(
      output === undefined
        ? "where to write is missing"
        : "--output and --in-place exclude each other",
      { cure: "give --output OTHER (a device or a new file), or --in-place" },
    );
  }
  if (output === undefined) {
    if (outputStart !== undefined || force) {
      throw new UsageError("--output-start and --force belong to --output");
    }
    return source;
  }
  if (backup !== undefined) throw new UsageError("--backup belongs to --in-place");
  if (sameFile(output, source.path)) {
    throw new UsageError("the output is the device itself", { cure: "give --in-place for that" });
  }
  return at(output, outputStart);
}

function sameFile(a: string, b: string): boolean {
  try {
    return Deno.realPathSync(a) === Deno.realPathSync(b);
  } catch {
    return false;
  }
}

/** What could be written. Metadata that the module would load is taken as the module takes it. */
function examine(
  source: Target,
  main: string | undefined,
): { readonly saved: Salvage; readonly nothing: boolean } {
  const known = main === undefined ? undefined : mainOf(main);
  try {
    using image = openTarget(source);
    const { problems, notes } = checkMetadata(image);
    if (problems.length > 0) return { saved: salvage(image, known), nothing: false };
    return { saved: asLoaded(image), nothing: notes.length === 0 };
  } catch (error) {
    if (error instanceof BeyondRepairError) {
      throw new MetadataDamagedError(error.reason, {
        device: source.path,
        cure: error.cure,
        cause: error,
      });
    }
    throw inWords(error, source.path);
  }
}

/** What the main device says of itself; the table is taken to be of all of it. */
function mainOf(path: string): KnownMain {
  if (thisSystem.stat(path)?.kind === "file") {
    return { deviceSectors: Math.floor(Deno.statSync(path).size / SECTOR_SIZE) };
  }
  const device = resolveBlockDevice(path);
  const id = identityOf(device, thisSystem);
  return {
    deviceSectors: Number(device.sizeSectors),
    blockSectors: Number(device.logicalBlockSectors),
    ...id === undefined ? {} : { id },
  };
}

function asLoaded(image: Image): Salvage {
  const { superblock, generation, extents, notes } = loadMetadata(image);
  const list = [...extents()];
  const { sequence } = superblock;
  return {
    fields: { ...superblock, generation: generation + 1, sequence: sequence + 1 },
    extents: list,
    counts: countExtents(list),
    sources: ["all of it is sound", ...notes],
    losses: [],
  };
}

async function inPlace(
  session: Session,
  source: Target,
  { backup }: RepairOptions,
  saved: Salvage,
): Promise<Salvage> {
  const kept = backup === undefined ? ", without a --backup" : "";
  await session.confirm(source.path, `overwrites the metadata with what was saved${kept}`);
  if (backup !== undefined) keepCopy(source, saved.fields, backup);
  writeAndCheck(source, saved);
  return saved;
}

async function toOutput(
  session: Session,
  source: Target,
  output: Target,
  { force = false }: { readonly force?: true | false },
  saved: Salvage,
): Promise<Salvage> {
  const undo = prepareOutput(output, saved.fields);
  try {
    const held = requireRoom(output, saved.fields, force);
    const over = held === undefined ? "" : `, although it ${held}`;
    await session.confirm(output.path, `becomes a copy of the spare ${source.path}${over}`);
    const copied = await copySlots(source, output, saved, session.signal);
    writeAndCheck(output, copied);
    return copied;
  } catch (error) {
    undo();
    throw error;
  }
}

function showLosses(session: Session, { sources, losses }: Salvage): void {
  // As JSON they are part of the result.
  if (session.out.json) return;
  for (const source of sources) session.out.note(`found: ${source}`);
  for (const loss of losses) session.out.warn(lossText(loss));
}

function lossText({ code, message, ranges }: Loss): string {
  const shown = ranges.slice(0, 8).map(({ first, length }) => `${first}+${length}`).join(" ");
  const rest = ranges.length > 8 ? ` and ${ranges.length - 8} more` : "";
  return `not saved: ${message} [${code}]${ranges.length === 0 ? "" : `: sectors ${shown}${rest}`}`;
}

function report(session: Session, path: string, options: RepairOptions, saved: Salvage): void {
  const { counts, losses, sources } = saved;
  const to = options.output ?? path;
  const fields: JsonFields = {
    dry_run: session.dryRun || undefined,
    device: path,
    output: to,
    repaired: !session.dryRun,
    generation: saved.fields.generation,
    ...countFields(counts),
    sources,
    losses: losses.map(({ code, message, ranges }) => ({
      code,
      message,
      ranges: ranges.map(({ first, length }) => ({ start_sectors: first, length_sectors: length })),
    })),
  };
  const verdict = losses.length === 0
    ? "nothing was lost"
    : `${countOf(losses.length, "thing")} could not be saved`;
  session.out.done(
    fields,
    `${to}: ${countOf(counts.entries, "entry", "entries")} ` +
      `${session.dryRun ? "can be saved" : "saved"}, ${verdict}`,
  );
  if (losses.length > 0) session.degraded();
}
