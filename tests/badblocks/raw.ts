// SPDX-License-Identifier: GPL-2.0-only
//
// Reads and writes of the device itself, with content that tells which sector it belongs to.
import { check, checkEqual, CheckError, codeOf } from "../../cli/selftest/check.ts";
import { DirectFile } from "../../ffi/direct_file.ts";
import { holdsStamp, SECTOR_BYTES, stamps, wordsOf } from "../model/stamps.ts";
import type { BadDisk } from "./bad_disk.ts";
import { MAIN_SECTORS, PAIR, strikes } from "./layout.ts";

const SEED = 1;
/** Sectors read at once where most of them are expected to be good. */
const CHUNK = 128;
const LARGE = 2048;
/** What the tests without a file system use of main. */
const REGION = { first: 8 * 2048, count: 8 * 2048 } as const;

const offset = (sector: number) => BigInt(sector * SECTOR_BYTES);

function inside<T extends { readonly sector: number }>(
  blocks: readonly T[],
  { first, count }: { readonly first: number; readonly count: number },
): T[] {
  return blocks.filter(({ sector }) => sector >= first && sector < first + count);
}

/** A write that meets two bad blocks takes two slots, and all of it is read back. */
export async function pairOfBlocks(disk: BadDisk): Promise<void> {
  using file = DirectFile.open(disk.path, { write: true });
  const before = disk.counters();
  const { first, count } = PAIR;
  await file.write(offset(first), stamps(SEED, first, count, 1));
  const pair = inside(disk.bad, PAIR);
  checkEqual("bad blocks in the 64 KiB", pair.length, 2);
  const after = disk.counters();
  const { unit } = disk.layout;
  const grown = (key: "spareUsed" | "spareBad" | "autoRemaps" | "writeErrors") =>
    after[key] - before[key];
  checkEqual("slots taken", grown("spareUsed") - grown("spareBad"), 2 * unit);
  checkEqual("sectors relocated", grown("autoRemaps"), 2 * unit);
  checkEqual("failed writes from above", grown("writeErrors"), 1);
  await disk.checkRelocated(pair);
  checkContent(await file.read(offset(first), count * SECTOR_BYTES), first, 1);
  // Once more over what is relocated by now: that takes nothing.
  await file.write(offset(first), stamps(SEED, first, count, 2));
  checkContent(await file.read(offset(first), count * SECTOR_BYTES), first, 2);
  checkEqual("slots taken by the second write", disk.counters().spareUsed, after.spareUsed);
}

/** Reads all of main; which requests fail is not asked. */
export async function readAll(disk: BadDisk): Promise<void> {
  using file = DirectFile.open(disk.path);
  for (let first = 0; first < MAIN_SECTORS; first += LARGE) {
    const code = await codeOfRead(file, first, LARGE);
    check(`reading ${first}+${LARGE}`, code === undefined || code === "EIO", {
      expected: "success or EIO",
      seen: code,
    });
  }
}

/** A medium error comes up as ENODATA, any other as EIO; either tells the truth. */
async function codeOfRead(
  file: DirectFile,
  first: number,
  count: number,
): Promise<string | undefined> {
  try {
    await file.read(offset(first), count * SECTOR_BYTES);
    return undefined;
  } catch (error) {
    const code = codeOf(error) ?? String(error);
    return code === "ENODATA" ? "EIO" : code;
  }
}

function checkContent(bytes: Uint8Array, first: number, sequence: number): void {
  const words = wordsOf(bytes);
  for (let i = 0; i * SECTOR_BYTES < bytes.length; i++) {
    if (holdsStamp(words, i, SEED, first + i, sequence)) continue;
    throw new CheckError(`sector ${first + i}`, `write ${sequence} of it`, "something else");
  }
}

/** Reads a range whose every block is right, but for some that are an error. */
async function checkRegion(
  disk: BadDisk,
  file: DirectFile,
  unreadable: ReadonlySet<number>,
  sequenceOf: (sector: number) => number,
): Promise<void> {
  const { unit } = disk.layout;
  const { first, count } = REGION;
  for (let at = first; at < first + count; at += CHUNK) {
    const expected = Array.from({ length: CHUNK / unit }, (_, i) => at + i * unit);
    const step = expected.some((sector) => unreadable.has(sector)) ? unit : CHUNK;
    for (let sector = at; sector < at + CHUNK; sector += step) {
      if (unreadable.has(sector)) {
        checkEqual(`reading block ${sector}`, await codeOfRead(file, sector, unit), "EIO");
        continue;
      }
      const bytes = await file.read(offset(sector), step * SECTOR_BYTES);
      for (let i = 0; i < step; i += unit) {
        const block = bytes.subarray(i * SECTOR_BYTES, (i + unit) * SECTOR_BYTES);
        checkContent(block, sector + i, sequenceOf(sector + i));
      }
    }
  }
}

async function writeRegion(file: DirectFile, sequence: number): Promise<void> {
  const { first, count } = REGION;
  for (let at = first; at < first + count; at += LARGE) {
    await file.write(offset(at), stamps(SEED, at, LARGE, sequence));
  }
  await file.flush();
}

/**
 * Nobody looked for bad blocks before: what only reads find is lost with the data written to it, and
 * it is all that is lost.
 */
export async function withoutScan(disk: BadDisk): Promise<void> {
  using file = DirectFile.open(disk.path, { write: true });
  const bad = inside(disk.bad, REGION);
  const refused = bad.filter(({ fault }) => strikes(fault, "write"));
  const silent = bad.filter(({ fault }) => fault === "read");
  check("bad blocks in the region", refused.length > 5 && silent.length > 5, {
    expected: "some of each kind",
    seen: bad.length,
  });
  await writeRegion(file, 3);
  await disk.checkRelocated(refused);
  const unreadable = new Set(silent.map(({ sector }) => sector));
  await checkRegion(disk, file, unreadable, () => 3);
  const { pending, lost, spareUsed, spareBad } = disk.counters();
  const sectors = silent.length * disk.layout.unit;
  checkEqual("pending and lost sectors", [pending, lost], [sectors, sectors]);
  checkEqual("slots taken by reads", spareUsed - spareBad, refused.length * disk.layout.unit);
  checkEqual(
    "pending blocks",
    await disk.blocksIn(["pending"], REGION.first, REGION.count),
    silent.map(({ sector }) => sector),
  );
}

/** What could not be read is written anew: from then on it is on the spare, and whole. */
export async function rewritten(disk: BadDisk): Promise<void> {
  using file = DirectFile.open(disk.path, { write: true });
  const { unit } = disk.layout;
  const bad = inside(disk.bad, REGION);
  const silent = bad.filter(({ fault }) => fault === "read").map(({ sector }) => sector);
  for (const sector of silent) await file.write(offset(sector), stamps(SEED, sector, unit, 4));
  const anew = new Set(silent);
  const sequenceOf = (sector: number) => anew.has(sector) ? 4 : 3;
  await disk.checkRelocated(bad);
  await checkRegion(disk, file, new Set(), sequenceOf);
  const { pending, lost } = disk.counters();
  checkEqual("pending and lost sectors", [pending, lost], [0, 0]);
}

/** Main takes none of it back, or takes it and cannot give it again: it all stays on the spare. */
export async function clearKeeps(disk: BadDisk): Promise<void> {
  using file = DirectFile.open(disk.path, { write: true });
  const bad = inside(disk.bad, REGION);
  await writeRegion(file, 5);
  const { cleared, kept } = await disk.device.clear();
  await checkRegion(disk, file, new Set(), () => 5);
  checkEqual("sectors kept", [Number(cleared), Number(kept)], [0, bad.length * disk.layout.unit]);
  await disk.checkRelocated(bad);
}
