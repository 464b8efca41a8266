// SPDX-License-Identifier: GPL-2.0-only
import { blockProblem, decodeHeader, isSound, kindOf } from "./block.ts";
import type { Extent } from "./extent.ts";
import { Findings } from "./findings.ts";
import { BLOCK_SECTORS, BLOCK_SIZE, INCOMPAT_UNFINISHED } from "./format.ts";
import type { Image } from "./image.ts";
import { type Layout, layoutOf } from "./layout.ts";
import { PackedTable } from "./packed_table.ts";
import { readBlocks } from "./reader.ts";
import { type Chosen, selectSuperblock } from "./select.ts";
import {
  decodeSuperblock,
  EMPTY_TABLE,
  encodeSuperblock,
  settled,
  type Superblock,
} from "./superblock.ts";

/** The numbers of a table line and of its devices. */
export type Geometry = Pick<
  Superblock,
  | "blockSectors"
  | "mainStart"
  | "mainSectors"
  | "mainDeviceSectors"
  | "spareStart"
  | "spareSectors"
  | "spareDeviceSectors"
>;

/** What the writer is told; all else follows from the extents and from what is there. */
export interface SuperblockFields extends Geometry {
  readonly uuid: string;
  /** At least; it grows where there are higher ones. */
  readonly sequence?: number;
  /** At least; it grows where there are higher ones. 1 is for `formatMetadata`. */
  readonly generation?: number;
  /** Where the extents were read from: the writer leaves it alone if it can. */
  readonly checkpoint?: 0 | 1;
  /** Now, unless given. */
  readonly created?: number;
  readonly name?: string;
  readonly mainId?: string;
  readonly args?: string;
  /** The spare that its content once came from. */
  readonly linkedUuid?: string;
  readonly linkedGeneration?: number;
  /** As it was read: says what the link means. */
  readonly compat?: number;
}

const ZEROES = 256 * BLOCK_SIZE;

/**
 * Writes a whole metadata area: a checkpoint, both superblocks, a wiped journal. The extents ascend by
 * sector, bad slots last, and may come from the same image. After a crash the range holds its old
 * metadata or the new, if there was some of this UUID and layout; otherwise the new, or what is
 * refused.
 * @returns the superblock that counts now
 * @throws {RangeError} for what cannot be, before anything is written
 */
export function writeMetadata(
  image: Image,
  fields: SuperblockFields,
  extents: Iterable<Extent>,
): Superblock {
  const layout = layoutOf(fields.spareSectors, fields.blockSectors);
  const table = new PackedTable(fields, layout, extents);
  const old = selectSuperblock(image, new Findings(image.path));
  const keeps = old !== undefined && isSameRange(old, fields);
  const superblock = nextSuperblock(image, fields, layout, table, keeps ? old : undefined);
  const earlier = { ...superblock, sequence: superblock.sequence - 1 };
  // Both say the same, so that either may be lost.
  const copies = keeps && old.copy === "B" ? [0, 1] as const : [1, 0] as const;
  const blocks = [encodeSuperblock(earlier), encodeSuperblock(superblock)] as const;
  assertSense(blocks[1]);
  if (!keeps) putZeroes(image, 0, 2);
  else if (old.otherIsLost) mendSuperblock(image, old);
  image.sync();
  table.write(image, layout.checkpointStart[superblock.checkpoint], superblock);
  image.sync();
  if (!keeps) wipeJournal(image, layout);
  for (const [at, block] of blocks.entries()) {
    image.write(copies[at]! * BLOCK_SIZE, block);
    image.sync();
  }
  if (keeps) wipeJournal(image, layout);
  return superblock;
}

/**
 * The old table must not hang on one superblock while a checkpoint is written: of a part of a newer
 * checkpoint nobody could say then whether it has counted.
 */
function mendSuperblock(image: Image, { superblock, copy, adopted }: Chosen): void {
  const sequence = superblock.sequence + (adopted ? 0 : 1);
  const block = copy === "A" ? 1 : 0;
  image.write(block * BLOCK_SIZE, encodeSuperblock({ ...superblock, sequence }));
}

function isSameRange({ superblock }: Chosen, fields: SuperblockFields): boolean {
  return superblock.uuid === fields.uuid && superblock.spareSectors === fields.spareSectors &&
    superblock.blockSectors === fields.blockSectors;
}

function nextSuperblock(
  image: Image,
  fields: SuperblockFields,
  layout: Layout,
  table: PackedTable,
  old: Chosen | undefined,
): Superblock {
  const highest = highestCounters(image, fields.uuid, layout);
  const journal = old === undefined ? 0 : journalBlocks(image, old);
  const [random] = crypto.getRandomValues(new Uint16Array(1));
  const source = old?.superblock.checkpoint ?? fields.checkpoint ?? 1;
  const now = nowSeconds();
  return {
    ...fieldsOf(fields, now),
    sequence: Math.max(fields.sequence ?? 0, highest.sequence + 3, 2),
    generation: Math.max(fields.generation ?? 0, highest.generation + 1, 2),
    salt: random! * 2 ** 16 + journal,
    checkpoint: source === 0 ? 1 : 0,
    checkpointUsed: table.blocks,
    entries: table.entries,
    ...table.counts,
    written: now,
  };
}

type Given = Omit<
  Superblock,
  | "sequence"
  | "generation"
  | "salt"
  | "checkpoint"
  | "checkpointUsed"
  | "entries"
  | "remapped"
  | "lost"
  | "pending"
  | "bad"
  | "written"
>;

function fieldsOf(fields: Geometry & Partial<SuperblockFields>, now: number): Given {
  return {
    uuid: fields.uuid ?? crypto.randomUUID(),
    blockSectors: fields.blockSectors,
    mainStart: fields.mainStart,
    mainSectors: fields.mainSectors,
    mainDeviceSectors: fields.mainDeviceSectors,
    spareStart: fields.spareStart,
    spareSectors: fields.spareSectors,
    spareDeviceSectors: fields.spareDeviceSectors,
    created: fields.created ?? now,
    name: fields.name ?? "",
    mainId: fields.mainId ?? "",
    args: fields.args ?? "",
    incompat: 0,
    roCompat: 0,
    ...linkOf(fields),
  };
}

/** Whoever writes to a spare whose migration was under way gives that up. */
function linkOf(
  { compat = 0, linkedUuid = "", linkedGeneration = 0 }: Partial<SuperblockFields>,
): Pick<Superblock, "compat" | "linkedUuid" | "linkedGeneration"> {
  return { ...settled({ compat, linkedUuid, linkedGeneration }), compat: 0 };
}

/** Of all sound blocks of this UUID: whatever is older counts no more. */
function highestCounters(image: Image, uuid: string, { slotsStart }: Layout) {
  let [sequence, generation] = [0, 0];
  const blocks = Math.min(slotsStart / BLOCK_SECTORS, Math.floor(image.sizeBytes / BLOCK_SIZE));
  for (const block of readBlocks(image, 0, blocks)) {
    const kind = block.bytes && kindOf(block.bytes);
    if (!kind || !isSound(block.bytes!, kind)) continue;
    const header = decodeHeader(block.bytes!);
    if (header.uuid !== uuid) continue;
    generation = Math.max(generation, header.generation);
    if (kind === "superblock") sequence = Math.max(sequence, header.sequence);
  }
  return { sequence, generation };
}

/** How many blocks of the ring belong to the old table: the new one takes their place as well. */
function journalBlocks(image: Image, { superblock, layout }: Chosen): number {
  let count = 0;
  for (const block of readBlocks(image, layout.journalStart, layout.journalBlocks)) {
    if (!block.bytes || blockProblem(block.bytes, "journal", superblock, block.index)) continue;
    count = block.index + 1;
  }
  return count;
}

/** @throws {RangeError} rather than write what nobody would load */
function assertSense(block: Uint8Array): void {
  const decoded = decodeSuperblock(block);
  if (decoded.kind === "sound" && decoded.problem === undefined) return;
  throw new RangeError(decoded.kind === "sound" ? decoded.problem : `superblock: ${decoded.kind}`);
}

function wipeJournal(image: Image, { journalStart, journalBlocks }: Layout): void {
  putZeroes(image, journalStart, journalBlocks);
  image.sync();
}

function putZeroes(image: Image, start: number, blocks: number): void {
  const zeroes = new Uint8Array(Math.min(ZEROES, blocks * BLOCK_SIZE));
  const end = (start + blocks) * BLOCK_SIZE;
  for (let at = start * BLOCK_SIZE; at < end; at += zeroes.length) {
    image.write(at, zeroes.subarray(0, Math.min(zeroes.length, end - at)));
  }
}

export interface Label {
  /** Of the mapped device. */
  readonly name?: string;
  /** What identifies the main device. */
  readonly mainId?: string;
  /** Random unless given. */
  readonly uuid?: string;
}

/**
 * An empty table over whatever is there: zeroes before the slots, then superblock A, as the kernel
 * formats. After a crash there is the old metadata, or nothing but zeroes, or what is refused.
 * @throws {RangeError} for what cannot be, before anything is written
 */
export function formatMetadata(image: Image, geometry: Geometry, label: Label): Superblock {
  return writeFirst(image, fieldsOf({ ...geometry, ...label }, nowSeconds()));
}

/**
 * Makes a new spare ready for the kernel to migrate to: an empty area whose superblock everybody
 * refuses until the migration has come to its end.
 * @param from the spare that the content will come from
 * @throws {RangeError} for what cannot be, before anything is written
 */
export function formatUnfinished(
  image: Image,
  geometry: Geometry,
  label: Label,
  from: Pick<Superblock, "uuid">,
): Superblock {
  return writeFirst(image, {
    ...fieldsOf({ ...geometry, ...label, linkedUuid: from.uuid }, nowSeconds()),
    incompat: INCOMPAT_UNFINISHED,
  });
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}

/** The first superblock, over whatever is there. */
function writeFirst(image: Image, fields: Given): Superblock {
  const superblock: Superblock = {
    ...fields,
    ...EMPTY_TABLE,
    sequence: 1,
    generation: 1,
    salt: 0,
    written: fields.created,
  };
  assertSense(encodeSuperblock({ ...superblock, incompat: 0 }));
  const block = encodeSuperblock(superblock);
  wipeMetadata(image, fields);
  image.write(0, block);
  image.sync();
  return superblock;
}

/** Zeroes before the slots, the superblocks first. */
export function wipeMetadata(
  image: Image,
  { spareSectors, blockSectors }: Pick<Geometry, "spareSectors" | "blockSectors">,
): void {
  const { slotsStart } = layoutOf(spareSectors, blockSectors);
  putZeroes(image, 0, 2);
  image.sync();
  putZeroes(image, 2, slotsStart / BLOCK_SECTORS - 2);
  image.sync();
}
