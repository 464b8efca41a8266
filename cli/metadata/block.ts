// SPDX-License-Identifier: GPL-2.0-only
import { crc32c } from "./crc32c.ts";
import {
  BLOCK_ENTRIES,
  BLOCK_SIZE,
  type BlockKind,
  FLAG_LAST,
  FORMAT_VERSION,
  HEADER_SIZE,
  MAGIC,
} from "./format.ts";

/** What every block starts with, apart from magic and checksum. */
export interface BlockHeader {
  readonly version: number;
  /** Superblock: sectors relocated; else: entries in this block. */
  readonly count: number;
  /** 32 hex digits with dashes. */
  readonly uuid: string;
  /** Of the checkpoint that it describes, belongs to, or continues. */
  readonly generation: number;
  /** Superblock: how many were written; else: index of the block. */
  readonly sequence: number;
  readonly flags: number;
  /**
   * Of one attempt to write a checkpoint, the same in its superblock and in the journal that
   * continues it: a random number in bits 16-31; in bits 0-15, how many blocks of the ring may
   * belong to the previous generation. 0 after formatting.
   */
  readonly salt: number;
}

const VERSION_AT = 8;
const CHECKSUM_AT = 12;
const COUNT_AT = 16;
const UUID_AT = 24;
const GENERATION_AT = 40;
const SEQUENCE_AT = 48;
const FLAGS_AT = 56;
const SALT_AT = 60;

/** What the blocks of one checkpoint and of its journal have in common. */
export interface Lineage {
  readonly uuid: string;
  readonly generation: number;
  readonly salt: number;
}

/** A view of the same bytes. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A number of 64 bits. Above 2^53 it is only nearly right, which is enough to refuse it. */
export function getU64(view: DataView, offset: number): number {
  return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 2 ** 32;
}

/** @throws {RangeError} for what is not a whole number from 0 to 2^53 - 1 */
export function setU64(view: DataView, offset: number, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`${value} does not fit into 53 bits`);
  }
  view.setUint32(offset, value % 2 ** 32, true);
  view.setUint32(offset + 4, Math.floor(value / 2 ** 32), true);
}

/** Fills the first 64 bytes. Seal the block when all of it is there. */
export function encodeHeader(block: Uint8Array, kind: BlockKind, header: BlockHeader): void {
  const view = viewOf(block);
  block.fill(0, 0, HEADER_SIZE);
  block.set(new TextEncoder().encode(MAGIC[kind]));
  view.setUint32(VERSION_AT, header.version, true);
  setU64(view, COUNT_AT, header.count);
  block.set(uuidBytes(header.uuid), UUID_AT);
  setU64(view, GENERATION_AT, header.generation);
  setU64(view, SEQUENCE_AT, header.sequence);
  view.setUint32(FLAGS_AT, header.flags, true);
  view.setUint32(SALT_AT, header.salt, true);
}

/** Only of a sound block do these numbers mean anything. */
export function decodeHeader(block: Uint8Array): BlockHeader {
  const view = viewOf(block);
  return {
    version: view.getUint32(VERSION_AT, true),
    count: getU64(view, COUNT_AT),
    uuid: uuidText(block.subarray(UUID_AT, UUID_AT + 16)),
    generation: getU64(view, GENERATION_AT),
    sequence: getU64(view, SEQUENCE_AT),
    flags: view.getUint32(FLAGS_AT, true),
    salt: view.getUint32(SALT_AT, true),
  };
}

/** Which kind of block its magic says it is. */
export function kindOf(block: Uint8Array): BlockKind | undefined {
  for (const kind of ["superblock", "checkpoint", "journal"] as const) {
    if (hasMagic(block, kind)) return kind;
  }
  return undefined;
}

export function hasMagic(block: Uint8Array, kind: BlockKind): boolean {
  const magic = MAGIC[kind];
  for (let index = 0; index < magic.length; index++) {
    if (block[index] !== magic.charCodeAt(index)) return false;
  }
  return true;
}

/** CRC-32C of the block with its own field taken as zero. */
export function blockChecksum(block: Uint8Array): number {
  const head = crc32c(block.subarray(0, CHECKSUM_AT));
  const zero = crc32c(FOUR_ZEROES, head);
  return crc32c(block.subarray(CHECKSUM_AT + 4, BLOCK_SIZE), zero);
}

const FOUR_ZEROES = new Uint8Array(4);

export function sealBlock(block: Uint8Array): void {
  viewOf(block).setUint32(CHECKSUM_AT, blockChecksum(block), true);
}

export function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

/** Is it a block of this kind as somebody once wrote it? */
export function isSound(block: Uint8Array, kind: BlockKind): boolean {
  return hasMagic(block, kind) &&
    viewOf(block).getUint32(CHECKSUM_AT, true) === blockChecksum(block);
}

export function isLast(block: Uint8Array): boolean {
  return (viewOf(block).getUint32(FLAGS_AT, true) & FLAG_LAST) !== 0;
}

/**
 * Is it that block of the checkpoint, or of the journal, of that lineage? If not, what is wrong: the
 * same as `remap_block_check()`.
 */
export function blockProblem(
  block: Uint8Array,
  kind: "checkpoint" | "journal",
  { uuid, generation, salt }: Lineage,
  sequence: number,
): string | undefined {
  if (!isSound(block, kind)) return "damaged";
  const view = viewOf(block);
  if (view.getUint32(VERSION_AT, true) !== FORMAT_VERSION) return "of another version";
  if (!hasUuid(block, uuid)) return "of another device";
  if (getU64(view, GENERATION_AT) !== generation || view.getUint32(SALT_AT, true) !== salt) {
    return "of another generation";
  }
  if (getU64(view, SEQUENCE_AT) !== sequence) return "in the wrong place";
  if (getU64(view, COUNT_AT) > BLOCK_ENTRIES) return "impossible number of entries";
  if ((view.getUint32(FLAGS_AT, true) & ~FLAG_LAST) !== 0) return "unknown flags";
  return undefined;
}

/** All blocks of a device are compared with the same one. */
let comparedText = "";
let comparedBytes = new Uint8Array();

function hasUuid(block: Uint8Array, uuid: string): boolean {
  if (uuid !== comparedText) [comparedText, comparedBytes] = [uuid, uuidBytes(uuid)];
  for (let at = 0; at < comparedBytes.length; at++) {
    if (block[UUID_AT + at] !== comparedBytes[at]) return false;
  }
  return true;
}

/** `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` */
export function uuidText(bytes: Uint8Array): string {
  return bytes.toHex().replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** @throws {RangeError} */
export function uuidBytes(uuid: string): Uint8Array<ArrayBuffer> {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(uuid)) {
    throw new RangeError(`"${uuid}" is no UUID`);
  }
  return Uint8Array.fromHex(uuid.replaceAll("-", ""));
}
