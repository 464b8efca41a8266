// SPDX-License-Identifier: GPL-2.0-only
//
// Is everything there that was promised? Looks at the media as a crash has left them.
import { checkMetadata } from "../../cli/metadata/check.ts";
import { MemoryImage } from "../../cli/metadata/image.ts";
import { layoutOf } from "../../cli/metadata/layout.ts";
import { loadMetadata } from "../../cli/metadata/load.ts";
import { writeMetadata } from "../../cli/metadata/write.ts";
import { contentOf, describeContent, wordsOf } from "../model/stamps.ts";
import { type Geometry, GONE, type Part } from "./marks.ts";
import type { Promises } from "./promises.ts";
import { SECTOR } from "./recording.ts";
import { choose, type Spare, SparesError, tableOn } from "./spares.ts";
import { stampAt } from "./stamp_at.ts";
import { difference, formatSpot, samePlace, type Spot, Table } from "./table.ts";

/** Which check has found something. */
export type CheckName =
  | "metadata"
  | "spares"
  | "generation"
  | "bad slots"
  | "place"
  | "content"
  | "transaction"
  | "repetition";

export class Verdict extends Error {
  override readonly name = "Verdict";

  constructor(readonly check: CheckName, message: string) {
    super(message);
  }
}

/** One part of a recorded device, to be looked at while its content changes. */
export class Area {
  readonly image: MemoryImage;
  readonly #words: Uint32Array;

  constructor(media: readonly { readonly image: Uint8Array<ArrayBuffer> }[], part: Part) {
    const bytes = media[part.device]!.image
      .subarray(part.start * SECTOR, (part.start + part.sectors) * SECTOR);
    this.image = new MemoryImage(bytes);
    this.#words = wordsOf(bytes);
  }

  stamp(at: number, seed: number, sector: number): number {
    return stampAt(this.#words, at, seed, sector);
  }

  describe(at: number): string {
    return describeContent(contentOf(this.#words, at));
  }
}

/** The ranges of a target, on media that change: main, and two spares of which one counts. */
export class Stand {
  readonly main: Area;
  readonly spares: readonly [Area, Area];
  /** Which spare is being looked at. */
  current: Spare = 0;

  constructor(
    readonly geometry: Geometry,
    media: readonly { readonly image: Uint8Array<ArrayBuffer> }[],
  ) {
    this.main = new Area(media, geometry.main);
    this.spares = [new Area(media, geometry.spares[0]), new Area(media, geometry.spares[1])];
  }

  get spare(): Area {
    return this.spares[this.current];
  }

  /** Which spare can be loaded and counts, if one does. */
  choose(): Spare | undefined {
    return choose([this.spares[0].image, this.spares[1].image]);
  }

  hasTable(spare: Spare): boolean {
    return tableOn(this.spares[spare].image) !== undefined;
  }

  /** Nobody has written metadata yet. */
  isBlank(): boolean {
    const { spares, unit } = this.geometry;
    const bytes = layoutOf(spares[this.current].sectors, unit).slotsStart * SECTOR;
    return !this.spare.image.bytes.subarray(0, bytes).some((byte) => byte !== 0);
  }

  /** The table and the generation that the metadata says; an empty one if there is none. */
  load(): { readonly table: Table; readonly generation: number } {
    const sectors = this.geometry.main.sectors;
    if (this.isBlank()) return { table: new Table(sectors), generation: 0 };
    const metadata = loadMetadata(this.spare.image);
    const table = Table.fromExtents(sectors, metadata.extents());
    return { table, generation: metadata.generation };
  }

  /** The stamp's number at a place. */
  stamp(sector: number, { place, slot }: Spot): number {
    if (place === "lost") return GONE;
    return place === "remapped"
      ? this.spare.stamp(slot, this.geometry.seed, sector)
      : this.main.stamp(sector, this.geometry.seed, sector);
  }

  describe(sector: number, { place, slot }: Spot): string {
    return place === "remapped" ? this.spare.describe(slot) : this.main.describe(sector);
  }
}

function checkPlace(promises: Promises, sector: number, seen: Spot): void {
  const problem = promises.spotProblem(sector, seen);
  if (problem === undefined) return;
  const expected = formatSpot(promises.spots[sector]!);
  throw new Verdict("place", `sector ${sector} is ${formatSpot(seen)}, not ${expected}${problem}`);
}

/** What a table says of a sector is promised, and what lies there is promised content. */
function checkSectors(stand: Stand, promises: Promises, table: Table): void {
  for (let sector = 0; sector < table.spots.length; sector++) {
    const seen = table.spots[sector]!;
    checkPlace(promises, sector, seen);
    // What cannot be read is an error, not content.
    if (seen.place === "lost" || seen.place === "pending") continue;
    const value = stand.stamp(sector, seen);
    if (promises.mayHold(sector, value)) continue;
    throw new Verdict(
      "content",
      `sector ${sector} (${formatSpot(seen)}) holds ${stand.describe(sector, seen)}, ` +
        `not ${promises.expected(sector)}`,
    );
  }
}

/** A relocation by hand that was not acknowledged is there as a whole or not at all. */
function checkTransactions(promises: Promises, table: Table): void {
  for (const { begin } of promises.running()) {
    if (begin.kind !== "remap") continue;
    let moved = 0;
    let stayed = 0;
    for (const [first, count] of begin.ranges) {
      for (let sector = first; sector < first + count; sector++) {
        if (promises.spots[sector]!.slot >= 0) continue;
        if (table.spots[sector]!.slot >= 0) moved++;
        else stayed++;
      }
    }
    if (moved > 0 && stayed > 0) {
      const half = `${moved} of ${moved + stayed} sectors of remap ${begin.op} are relocated`;
      throw new Verdict("transaction", half);
    }
  }
}

/** Loading again gives the same; so does loading what a recovery would have written. */
function checkRepetition(stand: Stand, table: Table): void {
  const again = difference(table, stand.load().table);
  if (again !== undefined) throw new Verdict("repetition", `loaded twice: ${again}`);
  if (stand.isBlank()) return;
  const copy = new MemoryImage(stand.spare.image.bytes.slice());
  const metadata = loadMetadata(copy);
  writeMetadata(copy, metadata.superblock, [...metadata.extents()]);
  const rewritten = Table.fromExtents(table.spots.length, loadMetadata(copy).extents());
  const differs = difference(table, rewritten);
  if (differs !== undefined) throw new Verdict("repetition", `written and loaded: ${differs}`);
}

const otherThan = (spare: Spare): Spare => spare === 0 ? 1 : 0;

/**
 * Between the commit of a migration and the tombstones it does not matter which one is taken: both say
 * the same, and either has all that was flushed. What was not flushed the old one may have lost.
 */
function checkEqual(stand: Stand): void {
  const [one, other] = ([0, 1] as const).map((spare) => {
    stand.current = spare;
    return stand.load().table;
  });
  const differs = difference(one!, other!, samePlace);
  if (differs !== undefined) throw new Verdict("spares", `both spares can be loaded: ${differs}`);
}

/** The spares that a start would take: of them everything has to hold. */
function checkSpares(stand: Stand, promises: Promises): readonly Spare[] {
  const { spare, migrating } = promises;
  const other = otherThan(spare);
  const [own, moved] = [stand.hasTable(spare), stand.hasTable(other)];
  if (!moved) return [spare];
  if (!own && migrating) return [other];
  const chosen = stand.choose();
  if (own && migrating && chosen === other) {
    checkEqual(stand);
    return [spare, other];
  }
  // A migration that a crash has met behind its commit has left the old one as it was.
  if (own && promises.bothCount && chosen === spare) return [spare];
  const both = own ? ", too" : "";
  throw new Verdict("spares", `spare ${other}, which does not count, can be loaded${both}`);
}

/**
 * Everything that a state must keep.
 * @param thorough with what takes longer and depends less on the moment
 * @throws {Verdict}
 */
export function judge(stand: Stand, promises: Promises, thorough: boolean): void {
  try {
    for (const spare of checkSpares(stand, promises)) {
      stand.current = spare;
      judgeTable(stand, promises, thorough);
    }
  } catch (error) {
    if (error instanceof SparesError) throw new Verdict("spares", error.message);
    throw error;
  } finally {
    stand.current = promises.spare;
  }
}

function judgeTable(stand: Stand, promises: Promises, thorough: boolean): void {
  if (promises.formatted || !stand.isBlank()) {
    const [problem] = checkMetadata(stand.spare.image).problems;
    if (problem !== undefined) {
      throw new Verdict("metadata", `${problem.where}: ${problem.message} (${problem.code})`);
    }
  }
  const { table, generation } = stand.load();
  const counted = promises.countsOf(stand.current);
  if (generation < counted.generation) {
    const saved = `generation ${counted.generation} was saved`;
    throw new Verdict("generation", `the metadata has generation ${generation}; ${saved}`);
  }
  if (table.bad < counted.bad) {
    throw new Verdict("bad slots", `${table.bad} bad slots are known, not ${counted.bad}`);
  }
  checkSectors(stand, promises, table);
  checkTransactions(promises, table);
  if (thorough) checkRepetition(stand, table);
}
