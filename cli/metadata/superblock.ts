// SPDX-License-Identifier: GPL-2.0-only
import {
  decodeHeader,
  encodeHeader,
  getU64,
  isSound,
  isZero,
  sealBlock,
  setU64,
  uuidBytes,
  uuidText,
  viewOf,
} from "./block.ts";
import {
  ARGS_SIZE,
  BLOCK_ENTRIES,
  BLOCK_SECTORS,
  BLOCK_SIZE,
  COMPAT_MIGRATING,
  FORMAT_VERSION,
  ID_SIZE,
  INCOMPAT_MOVED,
  INCOMPAT_UNFINISHED,
  MAX_SECTORS,
  NAME_SIZE,
  UUID_SIZE,
} from "./format.ts";
import { layoutOf } from "./layout.ts";

/** What a superblock says. Sizes and places are in sectors; the layout follows from them. */
export interface Superblock {
  /** 32 hex digits with dashes. */
  readonly uuid: string;
  /** How many superblocks were written. */
  readonly sequence: number;
  /** Of its checkpoint. */
  readonly generation: number;
  /** Of that attempt to write it, see `BlockHeader`. */
  readonly salt: number;
  /** Sectors relocated. */
  readonly remapped: number;
  /** Main's logical block. */
  readonly blockSectors: number;
  readonly mainStart: number;
  /** Length of the target. */
  readonly mainSectors: number;
  readonly mainDeviceSectors: number;
  readonly spareStart: number;
  /** The range, metadata and slots. */
  readonly spareSectors: number;
  readonly spareDeviceSectors: number;
  /** Which checkpoint slot is current. */
  readonly checkpoint: 0 | 1;
  /** Blocks of it. */
  readonly checkpointUsed: number;
  /** Entries in it. */
  readonly entries: number;
  /** Sectors relocated without readable content. */
  readonly lost: number;
  /** Sectors of main that could not be read. */
  readonly pending: number;
  /** Sectors of slots that are not used any more. */
  readonly bad: number;
  /** Seconds since 1970. */
  readonly created: number;
  readonly written: number;
  /** Of the mapped device. */
  readonly name: string;
  /** What identifies the main device. */
  readonly mainId: string;
  /** Feature arguments of the table line. */
  readonly args: string;
  /** Features that must be known to read the metadata. */
  readonly incompat: number;
  /** Features that must be known to change it. */
  readonly roCompat: number;
  readonly compat: number;
  /**
   * The spare that a migration links this one with, "" for none: where the content has come from, or
   * where it has moved, or is about to move.
   */
  readonly linkedUuid: string;
  /** Of that spare when its content came from there. */
  readonly linkedGeneration: number;
}

/** What a superblock says of a table with nothing in it, before there is a checkpoint. */
export const EMPTY_TABLE = {
  checkpoint: 0,
  checkpointUsed: 0,
  entries: 0,
  remapped: 0,
  lost: 0,
  pending: 0,
  bad: 0,
} as const satisfies Partial<Superblock>;

/** ... of a spare that every version may read and change. */
export const NO_FEATURES = { incompat: 0, roCompat: 0, compat: 0 } as const;

/** ... of a spare that no migration links with another one. */
export const NO_LINK = { linkedUuid: "", linkedGeneration: 0 } as const;

export type DecodedSuperblock =
  /** Never written. */
  | { readonly kind: "zero" }
  /** Or never one of ours. */
  | { readonly kind: "damaged" }
  /** Sound, but not to be understood by this version. */
  | { readonly kind: "newer"; readonly version: number; readonly incompat: number }
  /** A migration to this spare, from the linked one, has not come to its end. */
  | { readonly kind: "unfinished"; readonly superblock: Superblock }
  /** A migration has moved the content to the linked spare. */
  | { readonly kind: "moved"; readonly superblock: Superblock }
  | {
    readonly kind: "sound";
    readonly superblock: Superblock;
    /** What does not make sense in it, as `remap_super_check()` says it. */
    readonly problem: string | undefined;
  };

/** Of a spare that a migration has not filled yet, or has left. */
export type Migrated = Extract<DecodedSuperblock, { kind: "unfinished" | "moved" }>;

export function isMigrated(block: DecodedSuperblock): block is Migrated {
  return block.kind === "unfinished" || block.kind === "moved";
}

/** A migration from this spare was under way when this was written. */
export function isMigrating({ compat }: Pick<Superblock, "compat">): boolean {
  return (compat & COMPAT_MIGRATING) !== 0;
}

/** What stays of a superblock when a migration from its spare is given up. */
export function settled<T extends Pick<Superblock, "compat" | "linkedUuid" | "linkedGeneration">>(
  superblock: T,
): T {
  if (!isMigrating(superblock)) return superblock;
  const compat = (superblock.compat & ~COMPAT_MIGRATING) >>> 0;
  return { ...superblock, compat, ...NO_LINK };
}

/**
 * Is the content of one spare that of another, which it took over from? If a crash came in the moment
 * of the switch, the older one may have gone on instead: then its generation tells.
 */
export function tookOverFrom(heir: Superblock, old: Superblock): boolean {
  return !isMigrating(heir) && heir.linkedUuid === old.uuid &&
    heir.mainId === old.mainId && heir.mainStart === old.mainStart &&
    heir.mainSectors === old.mainSectors && old.generation <= heir.linkedGeneration;
}

/** Did the older spare go on after the switch to the newer one was given up? */
export function wasGivenUp(heir: Superblock, old: Superblock): boolean {
  return tookOverFrom(heir, { ...old, generation: 0 }) && !tookOverFrom(heir, old);
}

const LINKED_AT = 224;
const NAME_AT = 256;
const ID_AT = NAME_AT + NAME_SIZE;
const ARGS_AT = ID_AT + ID_SIZE;

/**
 * The block, sealed.
 * @throws {RangeError} for numbers and texts that do not fit
 */
export function encodeSuperblock(superblock: Superblock): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(BLOCK_SIZE);
  const view = viewOf(block);
  const layout = layoutOf(superblock.spareSectors, superblock.blockSectors);
  encodeHeader(block, "superblock", {
    version: FORMAT_VERSION,
    count: superblock.remapped,
    uuid: superblock.uuid,
    generation: superblock.generation,
    sequence: superblock.sequence,
    flags: 0,
    salt: superblock.salt,
  });
  view.setUint32(64, superblock.incompat, true);
  view.setUint32(68, superblock.roCompat, true);
  view.setUint32(72, superblock.compat, true);
  view.setUint32(76, superblock.blockSectors, true);
  setU64(view, 80, superblock.mainStart);
  setU64(view, 88, superblock.mainSectors);
  setU64(view, 96, superblock.mainDeviceSectors);
  setU64(view, 104, superblock.spareStart);
  setU64(view, 112, superblock.spareSectors);
  setU64(view, 120, superblock.spareDeviceSectors);
  setU64(view, 128, layout.checkpointBlocks);
  setU64(view, 136, layout.journalBlocks);
  setU64(view, 144, layout.slotsStart);
  setU64(view, 152, layout.slots);
  view.setUint32(160, superblock.checkpoint, true);
  setU64(view, 168, superblock.checkpointUsed);
  setU64(view, 176, superblock.entries);
  setU64(view, 184, superblock.lost);
  setU64(view, 192, superblock.pending);
  setU64(view, 200, superblock.bad);
  setU64(view, 208, superblock.created);
  setU64(view, 216, superblock.written);
  if (superblock.linkedUuid !== "") block.set(uuidBytes(superblock.linkedUuid), LINKED_AT);
  setU64(view, 240, superblock.linkedGeneration);
  putText(block, NAME_AT, NAME_SIZE, superblock.name);
  putText(block, ID_AT, ID_SIZE, superblock.mainId);
  putText(block, ARGS_AT, ARGS_SIZE, superblock.args);
  sealBlock(block);
  return block;
}

export function decodeSuperblock(block: Uint8Array): DecodedSuperblock {
  if (isZero(block)) return { kind: "zero" };
  if (!isSound(block, "superblock")) return { kind: "damaged" };
  const view = viewOf(block);
  const { version } = decodeHeader(block);
  const incompat = view.getUint32(64, true);
  const of = incompat === INCOMPAT_UNFINISHED
    ? "unfinished"
    : incompat === INCOMPAT_MOVED
    ? "moved"
    : "sound";
  if (version !== FORMAT_VERSION || incompat !== 0 && of === "sound") {
    return { kind: "newer", version, incompat };
  }
  const superblock = fieldsOf(block, view);
  if (of !== "sound") return { kind: of, superblock };
  return { kind: "sound", superblock, problem: superblockProblem(block, view, superblock) };
}

function fieldsOf(block: Uint8Array, view: DataView): Superblock {
  const { count, uuid, sequence, generation, salt } = decodeHeader(block);
  return {
    uuid,
    sequence,
    generation,
    salt,
    remapped: count,
    blockSectors: view.getUint32(76, true),
    mainStart: getU64(view, 80),
    mainSectors: getU64(view, 88),
    mainDeviceSectors: getU64(view, 96),
    spareStart: getU64(view, 104),
    spareSectors: getU64(view, 112),
    spareDeviceSectors: getU64(view, 120),
    checkpoint: view.getUint32(160, true) === 1 ? 1 : 0,
    checkpointUsed: getU64(view, 168),
    entries: getU64(view, 176),
    lost: getU64(view, 184),
    pending: getU64(view, 192),
    bad: getU64(view, 200),
    created: getU64(view, 208),
    written: getU64(view, 216),
    name: textAt(block, NAME_AT, NAME_SIZE),
    mainId: textAt(block, ID_AT, ID_SIZE),
    args: textAt(block, ARGS_AT, ARGS_SIZE),
    incompat: view.getUint32(64, true),
    roCompat: view.getUint32(68, true),
    compat: view.getUint32(72, true),
    linkedUuid: linkedUuidOf(block),
    linkedGeneration: getU64(view, 240),
  };
}

function linkedUuidOf(block: Uint8Array): string {
  const bytes = block.subarray(LINKED_AT, LINKED_AT + UUID_SIZE);
  return bytes.every((byte) => byte === 0) ? "" : uuidText(bytes);
}

/** The same as `remap_super_check()`. */
function superblockProblem(
  block: Uint8Array,
  view: DataView,
  superblock: Superblock,
): string | undefined {
  const { blockSectors, mainSectors, spareSectors, checkpointUsed, entries } = superblock;
  const blockBits = blockSectors & (blockSectors - 1);
  if (blockSectors === 0 || blockSectors > BLOCK_SECTORS || blockBits !== 0) {
    return "superblock: impossible logical block size";
  }
  if (
    mainSectors === 0 || mainSectors > MAX_SECTORS || mainSectors % blockSectors !== 0 ||
    spareSectors > MAX_SECTORS
  ) return "superblock: impossible device sizes";
  const layout = layoutOf(spareSectors, blockSectors);
  if (layout.slots === 0) return "superblock: impossible device sizes";
  if (
    getU64(view, 128) !== layout.checkpointBlocks || getU64(view, 136) !== layout.journalBlocks ||
    getU64(view, 144) !== layout.slotsStart || getU64(view, 152) !== layout.slots
  ) return "superblock: the layout does not follow from the sizes";
  if (
    view.getUint32(160, true) > 1 || checkpointUsed > layout.checkpointBlocks ||
    // Only formatting makes a checkpoint of no blocks.
    (checkpointUsed === 0) !== (superblock.generation === 1) ||
    entries > checkpointUsed * BLOCK_ENTRIES
  ) return "superblock: impossible checkpoint";
  if (isImpossibleCounter(superblock.generation) || isImpossibleCounter(superblock.sequence)) {
    return "superblock: impossible generation or sequence";
  }
  const texts = [[NAME_AT, NAME_SIZE], [ID_AT, ID_SIZE], [ARGS_AT, ARGS_SIZE]] as const;
  if (!texts.every(([at, size]) => block.subarray(at, at + size).includes(0))) {
    return "superblock: a text does not end";
  }
  return undefined;
}

/** Generations and sequences start at 1 and never wrap around: nobody writes so many. */
function isImpossibleCounter(counter: number): boolean {
  return counter === 0 || counter >= MAX_SECTORS;
}

function putText(block: Uint8Array, at: number, size: number, text: string): void {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length >= size || bytes.includes(0)) {
    throw new RangeError(`"${text}" does not fit into ${size - 1} bytes`);
  }
  block.set(bytes, at);
}

function textAt(block: Uint8Array, at: number, size: number): string {
  const bytes = block.subarray(at, at + size);
  const end = bytes.indexOf(0);
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(
    end < 0 ? bytes : bytes.subarray(0, end),
  );
}
