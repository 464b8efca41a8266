// SPDX-License-Identifier: GPL-2.0-only
// Saves what can be saved of damaged metadata, and says what cannot. It never invents a mapping:
// where a sector may have been relocated and its slot is not known, that is a loss.
import type { TableCounts } from "./check.ts";
import { type Extent, hasSlot } from "./extent.ts";
import { BLOCK_ENTRIES, MAX_RUN, SECTOR_SIZE } from "./format.ts";
import type { Image } from "./image.ts";
import { layoutOf } from "./layout.ts";
import { chooseGroups, type Found } from "./repair_choose.ts";
import { type Head, type Heads, readHeads } from "./repair_head.ts";
import { headOfKnownMain, type KnownMain } from "./repair_lost.ts";
import { type Loss, lossesOf } from "./repair_losses.ts";
import { type Scan, scanArea } from "./repair_scan.ts";
import { assemble, type Assembly } from "./repair_table.ts";
import { migrationWords } from "./select.ts";
import type { Superblock } from "./superblock.ts";
import { countExtents } from "./text.ts";

export type { Loss } from "./repair_losses.ts";

/** What a repair would write, and what it could not save. */
export interface Salvage {
  /** Sizes and names as they were, generation and sequence beyond all that was found. */
  readonly fields: Superblock;
  readonly extents: readonly Extent[];
  readonly counts: TableCounts;
  /** What the table was put together from. */
  readonly sources: readonly string[];
  readonly losses: readonly Loss[];
  /** No superblock was left: the sizes are those of the main device that was named. */
  readonly trustsMain?: true;
}

/** There is not enough left to go by. */
export class BeyondRepairError extends Error {
  override readonly name = "BeyondRepairError";

  constructor(readonly reason: string, readonly cure: string) {
    super(`${reason}; ${cure}`);
  }
}

const FROM_TEXT =
  "if there is a text of `dmremap-ts meta dump`, `dmremap-ts meta restore` takes it";

/**
 * @param main what to go by if both superblocks are gone
 * @throws {BeyondRepairError}
 */
export function salvage(image: Image, main?: KnownMain): Salvage {
  const read = readFitting(image, main);
  const { head, scan } = chooseHead(image, read, main !== undefined);
  const { heads } = read;
  const ours = heads.filter(({ superblock }) => superblock.uuid === head.superblock.uuid);
  const { current, previous } = chooseGroups(ours, scan);
  const assembly = assemble(current, previous, head.superblock.mainSectors);
  const { extents, unplaced } = withDoubtful(assembly, head.superblock);
  checkRoom(extents, head.superblock);
  const newest = [...ours.map(({ superblock }) => superblock), ...scan.groups.values()]
    .reduce((most, { generation }) => Math.max(most, generation), 0);
  return {
    fields: {
      ...head.superblock,
      checkpoint: current.slot,
      generation: newest + 1,
      sequence: Math.max(...ours.map(({ superblock }) => superblock.sequence)) + 1,
    },
    extents,
    counts: countExtents(extents),
    sources: sourcesOf(read, head, current, previous, assembly),
    losses: lossesOf({ current, previous, assembly, scan, unplaced }),
    ...head.given && { trustsMain: true },
  };
}

/** Superblocks whose metadata fits into the image: of what is larger, nothing can be here. */
function readFitting(image: Image, main: KnownMain | undefined): Heads {
  const { heads, ...rest } = readHeads(image);
  const fitting = heads.filter(({ superblock: { spareSectors, blockSectors } }) =>
    layoutOf(spareSectors, blockSectors).slotsStart * SECTOR_SIZE <= image.sizeBytes
  );
  if (fitting.length > 0 || main === undefined || rest.newer || rest.migrated) {
    return { ...rest, heads: fitting };
  }
  const given = headOfKnownMain(image, main);
  return { ...rest, heads: given === undefined ? [] : [given] };
}

/** The superblock to go by, with what was found of its metadata. */
function chooseHead(
  image: Image,
  { heads, states, newer, migrated }: Heads,
  mainIsKnown: boolean,
): { head: Head; scan: Scan } {
  if (newer) {
    throw new BeyondRepairError(
      "this was written by a newer version",
      "use that version of dmremap-ts; this one would not know what it writes",
    );
  }
  if (migrated !== undefined) {
    const { message, cure } = migrationWords(migrated);
    throw new BeyondRepairError(`there is nothing to repair: ${message}`, cure);
  }
  const copies = `superblock A ${isWord(states.A)}, superblock B ${isWord(states.B)}`;
  const tried = heads.filter((head) => head.sound || !heads.some(({ sound }) => sound)).map((
    head,
  ) => ({ head, scan: scanFor(image, head, heads) }));
  // Copies of two devices: the one whose metadata this is has left more of it.
  tried.sort((a, b) => blocksIn(b.scan) - blocksIn(a.scan));
  const sameUuid = tried.every(({ head }) =>
    head.superblock.uuid === tried[0]?.head.superblock.uuid
  );
  const [best] = sameUuid
    ? tried.toSorted((a, b) => heads.indexOf(a.head) - heads.indexOf(b.head))
    : tried;
  if (best === undefined) {
    throw mainIsKnown
      ? new BeyondRepairError(`${copies}: no part of a table is where it should be`, FROM_TEXT)
      : new BeyondRepairError(
        `${copies}: nothing says how large the devices were`,
        `name the main device with --main, or ${FROM_TEXT}`,
      );
  }
  if (!sameUuid && blocksIn(tried[0]!.scan) === blocksIn(tried[1]!.scan)) {
    throw new BeyondRepairError("the two superblocks are of two devices", FROM_TEXT);
  }
  if (!best.head.sound && !isBelievable(best.head, heads, best.scan)) {
    throw new BeyondRepairError(`${copies}: nothing else agrees with what they say`, FROM_TEXT);
  }
  if (best.head.superblock.roCompat !== 0) {
    throw new BeyondRepairError(
      "the metadata uses features that this version may not change",
      "use the version of dmremap-ts that wrote it",
    );
  }
  return best;
}

function isWord(state: string): string {
  return /^(was|cannot) /.test(state) || state.includes(":") ? state : `is ${state}`;
}

function scanFor(image: Image, { superblock }: Head, heads: readonly Head[]): Scan {
  const least: [number, number] = [0, 0];
  for (const { superblock: { uuid, checkpoint, checkpointUsed }, sound } of heads) {
    if (sound && uuid === superblock.uuid) least[checkpoint] = checkpointUsed;
  }
  return scanArea(image, superblock, superblock.uuid, least);
}

function blocksIn({ groups }: Scan): number {
  let blocks = 0;
  for (const { checkpoints: [a, b], journal } of groups.values()) {
    blocks += a.size + b.size + journal.size;
  }
  return blocks;
}

/** Words with a wrong checksum count if the other copy, or blocks in their places, say the same. */
function isBelievable({ superblock }: Head, heads: readonly Head[], scan: Scan): boolean {
  if (blocksIn(scan) > 0) return true;
  const statics = (
    { uuid, blockSectors, mainSectors, mainDeviceSectors, spareSectors }: Superblock,
  ) => [uuid, blockSectors, mainSectors, mainDeviceSectors, spareSectors].join();
  return heads.filter((other) => statics(other.superblock) === statics(superblock)).length > 1;
}

/**
 * Sectors whose slot went to others were relocated once. That reads of them fail until they are
 * written again is better than an old copy: they get a slot each, marked as lost.
 */
function withDoubtful(
  { extents, doubtful }: Assembly,
  superblock: Superblock,
): { extents: Extent[]; unplaced: Extent[] } {
  const layout = layoutOf(superblock.spareSectors, superblock.blockSectors);
  const used = extents.filter(({ state }) => hasSlot(state))
    .toSorted((a, b) => a.slot - b.slot);
  const placed: Extent[] = [];
  const unplaced: Extent[] = [];
  const free = freeRuns(used, layout.slotsStart, layout.slotsStart + layout.slots);
  let run = free.next().value;
  for (let { first, length } of doubtful) {
    while (length > 0 && run !== undefined) {
      const part = Math.min(length, run.length);
      placed.push({ first, length: part, slot: run.slot, state: "lost" });
      [first, length] = [first + part, length - part];
      run = part < run.length
        ? { slot: run.slot + part, length: run.length - part }
        : free.next().value;
    }
    if (length > 0) unplaced.push({ first, length, slot: 0, state: "main" });
  }
  const sectors = [...extents.filter(({ state }) => state !== "bad"), ...placed]
    .sort((a, b) => a.first - b.first);
  const bad = extents.filter(({ state }) => state === "bad");
  return { extents: joined([...sectors, ...bad]), unplaced };
}

function* freeRuns(
  used: readonly Extent[],
  start: number,
  end: number,
): Generator<{ slot: number; length: number }, undefined> {
  let at = start;
  for (const { slot, length } of used) {
    if (slot > at) yield { slot: at, length: slot - at };
    at = slot + length;
  }
  if (at < end) yield { slot: at, length: end - at };
}

/** Pieces of what once was one entry become one again. */
function joined(extents: readonly Extent[]): Extent[] {
  const whole: Extent[] = [];
  for (const extent of extents) {
    const before = whole.at(-1);
    if (before !== undefined && continues(before, extent)) {
      whole[whole.length - 1] = { ...before, length: before.length + extent.length };
    } else whole.push(extent);
  }
  return whole;
}

function continues(before: Extent, { first, slot, length, state }: Extent): boolean {
  return before.state === state && before.length + length <= MAX_RUN &&
    (state === "bad" || first === before.first + before.length) &&
    (!hasSlot(state) || slot === before.slot + before.length);
}

function checkRoom(extents: readonly Extent[], superblock: Superblock): void {
  const room = layoutOf(superblock.spareSectors, superblock.blockSectors).checkpointBlocks *
    BLOCK_ENTRIES;
  if (extents.length > room) {
    throw new BeyondRepairError(
      `${extents.length} entries were found, and there is room for ${room}`,
      FROM_TEXT,
    );
  }
}

function blockCount({ used, ended }: Found): string {
  return ended ? `${used}` : `${used} or more`;
}

function sourcesOf(
  { states }: Heads,
  head: Head,
  current: Found,
  previous: Found | undefined,
  assembly: Assembly,
): string[] {
  const { missingBlocks, journal, gaps } = assembly;
  const other = head.copy === "A" ? "B" : "A";
  const sources = [
    head.given
      ? `no superblock (A ${isWord(states.A)}, B ${
        isWord(states.B)
      }): sizes as the main device has them`
      : head.sound
      ? `superblock ${head.copy} (superblock ${other} ${isWord(states[other])})`
      : `superblock ${head.copy}, whose checksum is wrong and whose words fit the rest`,
    `checkpoint ${current.slot} of generation ${current.group.generation}: ` +
    `${current.used - missingBlocks.length} of ${blockCount(current)} blocks`,
  ];
  if (gaps.length > 0 && previous !== undefined) {
    sources.push(
      `in the gaps: checkpoint ${previous.slot} of generation ${previous.group.generation}, ` +
        `and ${previous.group.journal.size} blocks of its journal`,
    );
  }
  sources.push(`journal: ${journal.blocks.length} blocks`);
  return sources;
}
