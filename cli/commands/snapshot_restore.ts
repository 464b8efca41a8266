// SPDX-License-Identifier: GPL-2.0-only
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { RefusedError, UsageError } from "../device/errors.ts";
import { mergeRanges, parseSectorRanges, type SectorRange } from "../device/sectors.ts";
import { printable } from "../device/spare/owner.ts";
import { ProgressBar } from "../output/progress_bar.ts";
import { carryOut, decideFates, type Fates, type Job, type Outcome } from "../restore/job.ts";
import { compareSlots, keptContent } from "../restore/slots.ts";
import type { Span } from "../restore/types.ts";
import { ReadBackError } from "../restore/write.ts";
import type { SnapshotHead, Store } from "../store/types.ts";
import {
  DEFAULT_STORE,
  DEVICE_OPTION,
  filterOf,
  ID_WORDS,
  openForReading,
  openForWriting,
  snapshotReference,
  STORE_OPTION,
} from "./snapshot_common.ts";
import { checkMain } from "./snapshot_restore_main.ts";
import { askWitnesses, type Testimony } from "./snapshot_restore_sources.ts";
import { breakGround, type Site } from "./snapshot_restore_target.ts";
import { jsonOf, remarksOf, warningsOf, wordsOf } from "./snapshot_restore_words.ts";
import { document } from "./support/command_doc.ts";
import { sectorNumber } from "./support/integers.ts";
import type { Session } from "./support/session.ts";

/** As typed. */
export interface RestoreOptions {
  readonly store: string;
  readonly device?: string;
  readonly spare?: string;
  readonly output?: string;
  readonly spareStart?: bigint;
  readonly spareLength?: bigint;
  readonly inPlace?: true;
  readonly backup?: string;
  readonly oldSpare?: string;
  readonly oldStart?: bigint;
  readonly trustSlots?: true;
  readonly lost?: string[];
  readonly main?: string;
  readonly force?: true;
}

const NOTES = [
  "SPARE gets a table and the content of the snapshot (taken --with-data): every sector is as it " +
  "was then. What is known to be newer is lost instead: reads of it fail until it is written. " +
  "Known is what later snapshots of the device in the store say, the old spare as far as it can " +
  "be read (--old-spare, --in-place), and the device if it is in use; the command says which " +
  "sectors, why, and who knows. What went back to main since stays there.",
  "Two things nobody can know without these: sectors that were relocated later still, which main " +
  "serves with what it held before (name them with --lost if you know them); and writes to " +
  "relocated sectors after the snapshot. Check what is on the device afterwards.",
  "With --trust-slots the slots of the old spare are believed: a sector to which the snapshot and " +
  "the newest knowledge give the same slot keeps what that holds. It is for a spare whose table " +
  "is damaged and whose slots are whole, and right if no sector was relocated or brought back " +
  "after the snapshot.",
  "Until all of it is written SPARE is refused by everything; after an interrupt, run it again.",
];

/** `snapshot restore ID` */
export function registerSnapshotRestore(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("restore")
    .summary("make a spare anew from a snapshot")
    .description(
      "Rebuilds a lost or damaged spare from a snapshot: its table, and with the content that the " +
        "snapshot has, its slots. Never restores anything over what is known to be newer.",
    )
    .argument("<id>", `${ID_WORDS}: the last one with content`)
    .option("--spare <spare>", "the device that becomes the spare, or an image of one")
    .option("--output <file>", "write an image of a spare to this file, which is made")
    .option(
      "--spare-start <sector>",
      "where its range begins (default: 0; --in-place: as then)",
      sectorNumber,
    )
    .option("--spare-length <sectors>", "length of its range (default: all)", sectorNumber)
    .option("--in-place", "SPARE is the device's own old spare, whose table is to be replaced")
    .option("--backup <file>", "with --in-place: first keep its metadata area in this new file")
    .option("--old-spare <device>", "the old spare, as far as it can still be read")
    .option("--old-start <sector>", "where its range begins (default: as then)", sectorNumber)
    .option("--trust-slots", "what the slots of the old spare hold is right")
    .option("--lost <sectors...>", "these sectors are newer than the snapshot as well")
    .option("--main <main>", "check that the snapshot is of this main device")
    .option("--force", "overwrite a table, or a signature, that SPARE holds")
    .option(...DEVICE_OPTION)
    .option(...STORE_OPTION, DEFAULT_STORE)
    .action((id, options) => restore(session, id, options));
  document(command, {
    notes: NOTES,
    examples: [
      ["snapshot restore 12 --spare /dev/sdd1 -n", "see what would become of which sector"],
      ["snapshot restore latest --device r0 --spare /dev/sdd1", "the spare of r0 is dead"],
      [
        "snapshot restore 12 --spare /dev/sdd1 --old-spare /dev/sdc1",
        "it is dying: its table, if not its slots, may still be read",
      ],
      [
        "snapshot restore 12 --spare /dev/sdc1 --in-place --trust-slots",
        "only its table is damaged",
      ],
    ],
    exits: [0, 1, 2, 3, 4, 5, 130],
  });
}

async function restore(session: Session, id: string, options: RestoreOptions): Promise<void> {
  checkUsage(options);
  const reference = snapshotReference(id);
  const typed = parseSectorRanges(options.lost ?? []);
  using store = options.inPlace && !session.dryRun
    ? openForWriting(options.store)
    : openForReading(options.store);
  const head = pick(store, reference, options);
  requireTable(head);
  const named = spansOf(typed, head);
  using testimony = await askWitnesses(session, { store, head, options });
  const trustSlots = options.trustSlots ?? false;
  const fates = await decideFates(store, head, testimony.witnesses, { named, trustSlots });
  const mainDevice = checkMain(fates.device, options.main);
  using site = breakGround(session, { store, fates, testimony, options, mainDevice });
  const slots = trustSlots && head.withData && testimony.oldImage !== undefined
    ? await compareSlots(store, head, testimony.oldImage, fates.decisions)
    : undefined;
  const report = { fates, testimony, site, mainDevice, slots, dryRun: session.dryRun };
  // A program finds them in the result.
  const warnings = session.out.json ? [] : warningsOf(report);
  for (const warning of warnings) session.out.warn(warning);
  for (const remark of remarksOf(report)) session.out.note(`note: ${remark}`);
  const outcome = session.dryRun ? undefined : await write(session, store, fates, testimony, site);
  const all = { ...report, outcome };
  if (fates.decisions.some(({ fate }) => fate === "lost") || outcome?.missing.length) {
    session.degraded();
  }
  if (session.out.json) session.out.result(jsonOf(all), () => "");
  else if (!session.out.quiet) session.out.line(wordsOf(all, session.out.verbose));
}

async function write(
  session: Session,
  store: Store,
  fates: Fates,
  testimony: Testimony,
  site: Site,
): Promise<Outcome> {
  if (site.overwrites !== undefined) await session.confirm(site.path, site.overwrites);
  await site.keep();
  const { ground, placement, write, keeps } = site;
  using image = site.open();
  const { oldImage } = testimony;
  const { decisions, device: { blockSectors } } = fates;
  const job: Job = {
    ...{ store, fates, image, ground, placement, write, keeps },
    ...oldImage && { kept: () => keptContent(oldImage, decisions, blockSectors) },
  };
  const sectors = placement.placed.reduce(
    (sum, { fate, length }) => fate === "content" || fate === "kept" ? sum + length : sum,
    0,
  );
  // Written, and read back.
  const total = BigInt(2 * Math.max(1, sectors));
  using bar = session.out.progress
    ? new ProgressBar(session.terminal, { title: site.path, total, done: 0n })
    : undefined;
  try {
    const outcome = await carryOut(job, {
      signal: session.signal,
      onProgress: (done) => bar?.update(BigInt(done), { errors: 0n }),
    });
    site.finished();
    return outcome;
  } catch (error) {
    if (!(error instanceof ReadBackError)) throw error;
    throw new RefusedError(`does not keep what is written to it: ${error.message}`, {
      device: site.path,
      cure: "take another device; this one is refused as a spare now",
      cause: error,
    });
  }
}

/** Of `latest`, the last one that has what is needed: whatever is newer without it is asked as well. */
function pick(store: Store, reference: string, options: RestoreOptions): SnapshotHead {
  const filter = filterOf(options.device);
  const found = store.find(reference, filter);
  if (reference !== "latest" || options.trustSlots || found.withData) return found;
  const withContent = store.heads({ ...filter, deviceId: found.deviceId })
    .filter((head) => head.withData);
  return withContent.at(-1) ?? found;
}

function checkUsage(options: RestoreOptions): void {
  const { spare, output, inPlace, backup, oldSpare, oldStart, trustSlots, force } = options;
  if ((spare === undefined) === (output === undefined)) {
    throw new UsageError(
      spare === undefined ? "where to write is missing" : "--spare and --output exclude each other",
      { cure: "give --spare DEVICE, or --output FILE" },
    );
  }
  if (inPlace && (output !== undefined || oldSpare !== undefined)) {
    throw new UsageError("--in-place is for the old spare itself: name it with --spare alone");
  }
  if (backup !== undefined && !inPlace) throw new UsageError("--backup goes with --in-place");
  if (force && inPlace) {
    throw new UsageError("--force and --in-place exclude each other", {
      cure: "leave --force away: it would go over somebody else's table",
    });
  }
  if (oldStart !== undefined && oldSpare === undefined) {
    throw new UsageError("--old-start goes with --old-spare");
  }
  if (trustSlots && !inPlace && oldSpare === undefined) {
    throw new UsageError("--trust-slots needs the old spare, whose slots are to be believed", {
      cure: "give --in-place if SPARE is the old spare, or name it with --old-spare",
    });
  }
}

/** What --lost names, in whole logical blocks: a part of one cannot be lost. */
export function spansOf(
  ranges: readonly SectorRange[],
  { device }: {
    readonly device: Pick<SnapshotHead["device"], "name" | "blockSectors" | "mainSectors">;
  },
): Span[] {
  const unit = BigInt(device.blockSectors);
  const whole = ranges.map(({ first, count }) => {
    if (first + count > BigInt(device.mainSectors)) {
      throw new UsageError(`--lost: sector ${first + count - 1n} is past the end of the device`, {
        device: printable(device.name),
        cure: `its last sector is ${device.mainSectors - 1}`,
      });
    }
    const from = first - first % unit;
    const end = first + count + unit - 1n;
    return { first: from, count: end - end % unit - from };
  });
  return mergeRanges(whole).map(({ first, count }) => ({
    first: Number(first),
    length: Number(count),
  }));
}

function requireTable({ id, device, withData }: SnapshotHead): void {
  if (device.uuid !== undefined) return;
  throw new RefusedError(
    `snapshot ${id} is of a volatile device, whose table is on no spare` +
      (withData ? "; what main held by then is not known" : ""),
    {
      device: device.name,
      cure: "`dmremap-ts snapshot show` lists its sectors: restore them from a backup",
    },
  );
}
