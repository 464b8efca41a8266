// SPDX-License-Identifier: GPL-2.0-only
//
// What the kernel is given, and what has to come of it.
import * as fc from "fast-check";
import { MemoryImage } from "../../cli/metadata/image.ts";
import { loadMetadata, type Metadata, MetadataError } from "../../cli/metadata/load.ts";
import { damages, judge, spoil } from "./images/damage.ts";
import { type History, historyOf, live, OTHER_UUID, UUID } from "./images/history.ts";
import { forge, type Forgery, forgery } from "./images/hostile.ts";
import { canonical } from "./images/table.ts";
import type { Geometry } from "./images/writer.ts";

/** Of every device under test. */
export const MAIN_SECTORS = 1024;
export const SPARE_SIZES = [200, 256, 328, 512, 1000] as const;
export const BLOCK_SIZES = [1, 2, 8] as const;

export interface KernelCase {
  readonly name: string;
  readonly blockSectors: number;
  readonly spareSectors: number;
  readonly image: Uint8Array<ArrayBuffer>;
  /** Undefined: to be refused. */
  readonly expected: Expected | undefined;
}

export interface Expected {
  /** All extents, as `canonical` writes them. */
  readonly table: string;
  /** Nothing was there, and something is now. */
  readonly blank: boolean;
  /** More pending sectors than there is room for: those that do not fit are forgotten. */
  readonly crowded: boolean;
  readonly mode: "rw" | "ro";
}

const geometry: fc.Arbitrary<Geometry> = fc.record({
  uuid: fc.constant(UUID),
  blockSectors: fc.constantFrom(...BLOCK_SIZES),
  mainSectors: fc.constant(MAIN_SECTORS),
  spareSectors: fc.constantFrom(...SPARE_SIZES),
});

/** What the tool's loader says, and what of that the kernel sees by its devices. */
function expectedOf(
  image: Uint8Array<ArrayBuffer>,
  geometry: Geometry,
  forged: readonly Forgery[],
): Expected | undefined {
  let loaded: Metadata;
  try {
    loaded = loadMetadata(new MemoryImage(image));
  } catch (error) {
    if (!(error instanceof MetadataError)) throw error;
    const blank = error.problems.some(({ code }) => code === "blank");
    return blank ? { table: "", blank, crowded: false, mode: "rw" } : undefined;
  }
  const { superblock } = loaded;
  const { blockSectors, mainSectors, spareSectors } = geometry;
  const isOurs = superblock.blockSectors === blockSectors && superblock.mainStart === 0 &&
    superblock.mainSectors === mainSectors && superblock.mainDeviceSectors === mainSectors &&
    superblock.spareSectors === spareSectors && superblock.spareDeviceSectors === spareSectors;
  if (!isOurs) return undefined;
  return {
    table: canonical(loaded.extents()),
    blank: false,
    crowded: forged.some(({ type }) => type === "flood"),
    mode: superblock.roCompat === 0 ? "rw" : "ro",
  };
}

function caseOf(
  name: string,
  { geometry }: History,
  image: Uint8Array<ArrayBuffer>,
  forged: readonly Forgery[] = [],
): KernelCase {
  const { blockSectors, spareSectors } = geometry;
  const expected = expectedOf(image, geometry, forged);
  return { name, blockSectors, spareSectors, image, expected };
}

/** Sound ones, each damaged in so many ways, and forged ones. */
export function kernelCases(
  { histories, damagesEach, forgeries, seed }: {
    readonly histories: number;
    readonly damagesEach: number;
    readonly forgeries: number;
    readonly seed: number;
  },
): KernelCase[] {
  const cases: KernelCase[] = [];
  const lives = historyOf(geometry);
  for (const [index, days] of fc.sample(lives, { numRuns: histories, seed }).entries()) {
    const writer = live(days);
    const other = live({ ...days, geometry: { ...days.geometry, uuid: OTHER_UUID } });
    cases.push(caseOf(`sound ${index}`, days, writer.bytes));
    // Devices have their size.
    const all = [...damages(writer)].filter(({ type }) => type !== "cut");
    for (let nth = 0; nth < damagesEach; nth++) {
      const damage = all[(index * 7919 + nth * 104729) % all.length]!;
      const name = `damaged ${index}: ${JSON.stringify(damage)}`;
      const made = caseOf(name, days, spoil(writer.bytes, damage, other.bytes));
      judge(writer, damage, made.expected?.table);
      cases.push(made);
    }
  }
  const forged = fc.tuple(lives, fc.array(forgery, { minLength: 1, maxLength: 2 }));
  for (const [days, done] of fc.sample(forged, { numRuns: forgeries, seed: seed + 1 })) {
    const name = `forged: ${fc.stringify(done)}`;
    cases.push(caseOf(name, days, forge(live(days), done), done));
  }
  return cases;
}
