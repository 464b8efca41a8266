// SPDX-License-Identifier: GPL-2.0-only
// Requests that succeed or fail as expected, and the device's answers about itself.
import type { WriteOptions } from "../../../../ffi/direct_file.ts";
import { checkEqual, CheckError, checkFails, codeOf } from "../../check.ts";
import { newGeneration, position, readSectors } from "../../content.ts";
import { ANY, findMismatch, type Generation, makeSectors } from "../../pattern.ts";
import type { Rig } from "../../rig.ts";
import { readStat } from "./promises.ts";

/** The numbers that a case expects. */
export interface Counts {
  readonly remapped?: number;
  readonly lost?: number;
  readonly pending?: number;
  readonly spareUsed?: number;
  readonly spareBad?: number;
  readonly readErrors?: number;
  readonly writeErrors?: number;
  readonly transportErrors?: number;
  readonly autoRemaps?: number;
  readonly manualRemaps?: number;
}

/** Nothing has happened that would need a slot. */
export const UNTOUCHED: Counts = {
  ...{ remapped: 0, lost: 0, pending: 0, spareUsed: 0, spareBad: 0, autoRemaps: 0 },
};

export function checkCounts(what: string, rig: Rig, expected: Counts): void {
  const status = rig.status();
  const keys = Object.keys(expected) as (keyof Counts)[];
  const seen = Object.fromEntries(keys.map((key) => [key, Number(status[key] ?? -1)]));
  checkEqual(what, seen as Counts, expected);
}

/** One counter of `stats`. */
export async function checkStat(
  what: string,
  rig: Rig,
  key: string,
  expected: number,
): Promise<void> {
  checkEqual(`${key}, ${what}`, await readStat(rig, key), expected);
}

/** @param expected as `verify` says it, without slots: "296+4 main, 300+1 remapped" */
export async function checkPlaces(
  rig: Rig,
  first: number,
  count: number,
  expected: string,
): Promise<void> {
  const places = await rig.places(first, count);
  const seen = places.map(({ sector, count, place }) => `${sector}+${count} ${place}`).join(", ");
  checkEqual(`the places of ${first}+${count}`, seen, expected);
}

/** The slot of a relocated sector. */
export async function slotOf(rig: Rig, sector: number): Promise<number> {
  const [place] = await rig.places(sector, 1);
  if (place?.spareSector !== undefined) return Number(place.spareSector);
  throw new CheckError(`the place of sector ${sector}`, "a slot", place?.place ?? "nothing");
}

/** One request; what it wrote is expected from then on. */
export async function write(
  rig: Rig,
  first: number,
  count: number,
  options?: WriteOptions,
): Promise<void> {
  const generation = newGeneration();
  await rig.file.write(position(first), makeSectors(first, count, generation), options);
  rig.content.set(first, count, generation);
}

/** One request, that fails: each sector holds afterwards what it held before, or what was written. */
export async function writeFails(
  rig: Rig,
  first: number,
  count: number,
  code = "EIO",
): Promise<void> {
  const generation = newGeneration();
  await checkFails(`a write of ${first}+${count}`, code, () => {
    return rig.file.write(position(first), makeSectors(first, count, generation));
  });
  for (let sector = first; sector < first + count; sector++) {
    await checkEither(rig, sector, [rig.content.generation(sector), generation]);
  }
}

/** What a sector holds, if it can be read at all, is one of these; it is what it has to hold then. */
export async function checkEither(
  rig: Rig,
  sector: number,
  allowed: readonly Generation[],
): Promise<void> {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = await readSectors(rig.file, sector, 1);
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    rig.content.set(sector, 1, ANY);
    return;
  }
  const mismatches = allowed.map((each) =>
    [each, findMismatch(bytes, sector, () => each)] as const
  );
  const match = mismatches.find(([, mismatch]) => mismatch === undefined);
  if (match !== undefined) return rig.content.set(sector, 1, match[0]);
  const [first] = mismatches;
  throw new CheckError(
    `sector ${sector} after a write that failed`,
    `write ${allowed.join(" or ")}`,
    first?.[1]?.seen ?? "",
  );
}

/** A read of several sectors at once, some of which cannot be read. */
export async function readFails(
  rig: Rig,
  first: number,
  count: number,
  code = "EIO",
): Promise<void> {
  await checkFails(`a read of ${first}+${count}`, code, () => {
    return readSectors(rig.file, first, count).then((bytes) => `${bytes.length} bytes`);
  });
}

/** The whole device, but for sectors that cannot be read. */
export async function checkAround(what: string, rig: Rig, holes: readonly number[]): Promise<void> {
  let at = 0;
  for (const hole of [...holes].sort((a, b) => a - b)) {
    if (hole > at) await rig.check(what, at, hole - at);
    at = hole + 1;
  }
  if (at < rig.length) await rig.check(what, at, rig.length - at);
}
