// SPDX-License-Identifier: GPL-2.0-only
// The content of relocated sectors, in aligned pieces. A piece that cannot be read is halved until
// its bad blocks stand alone.
import { DirectFile } from "../../ffi/direct_file.ts";
import { SystemError } from "../../ffi/errors.ts";
import { type Image, ShortImageError } from "../metadata/image.ts";
import { MAX_PIECE, type SlotData, type SnapshotEntry } from "../store/types.ts";
import { spareUnreadable } from "./spare/content.ts";

const SECTOR_SIZE = 512;
const PIECE_SECTORS = MAX_PIECE / SECTOR_SIZE;
/** Requests under way. */
const WINDOW = 16;
/** What a medium answers for a place that it cannot read: EIO, ENODATA, EILSEQ. */
export const MEDIUM_ERRORS: readonly number[] = [5, 61, 84];

/** What is read from: by byte. */
export interface ContentFile {
  read(offset: bigint, length: number): Promise<Uint8Array>;
}

/** Sectors of which no content is kept. */
export interface ContentLosses {
  /** Told by the table to be without content. */
  lostSectors: number;
  /** That could not be read, or not whole. */
  unreadableSectors: number;
}

/** No losses yet. */
export function noLosses(): ContentLosses {
  return { lostSectors: 0, unreadableSectors: 0 };
}

export interface ContentOptions {
  readonly blockSectors: number;
  readonly losses: ContentLosses;
  readonly signal?: AbortSignal;
  /** Where the content of a run lies, in sectors; where the run is, unless told. */
  readonly place?: (entry: SnapshotEntry) => number;
}

interface Piece {
  readonly first: number;
  readonly length: number;
  /** In sectors. */
  readonly from: number;
}

/** @throws {DeviceError | SystemError} */
export function openContent(path: string): DirectFile {
  try {
    return DirectFile.open(path);
  } catch (error) {
    throw spareUnreadable(path, error);
  }
}

/** An image ends where its copy broke off: what is behind that cannot be read. */
export function imageContent(image: Image): ContentFile {
  return {
    read(offset, length) {
      try {
        return Promise.resolve(image.read(Number(offset), length));
      } catch (error) {
        if (error instanceof ShortImageError) return Promise.resolve(new Uint8Array());
        return Promise.reject(error);
      }
    },
  };
}

/**
 * In ascending order, as the entries are.
 * @throws {SystemError} for what is no fault of the medium
 */
export async function* readContent(
  file: ContentFile,
  entries: Iterable<SnapshotEntry>,
  options: ContentOptions,
): AsyncGenerator<SlotData> {
  const window: Promise<SlotData[]>[] = [];
  try {
    for (const piece of pieces(entries, options)) {
      options.signal?.throwIfAborted();
      window.push(quietly(readPiece(file, piece, options)));
      if (window.length >= WINDOW) yield* await window.shift()!;
    }
    while (window.length > 0) yield* await window.shift()!;
  } finally {
    // Nothing may be under way when the file is closed.
    await Promise.allSettled(window);
  }
}

/** Whoever waits for it hears of a failure; nobody else does. */
function quietly<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

function* pieces(
  entries: Iterable<SnapshotEntry>,
  { losses, place = ({ first }) => first }: ContentOptions,
): Generator<Piece> {
  for (const entry of entries) {
    const { first, length, state } = entry;
    if (state !== "remapped") {
      losses.lostSectors += length;
      continue;
    }
    const end = first + length;
    const from = place(entry) - first;
    for (let at = first; at < end;) {
      const to = Math.min(end, at - at % PIECE_SECTORS + PIECE_SECTORS);
      yield { first: at, length: to - at, from: from + at };
      at = to;
    }
  }
}

async function readPiece(
  file: ContentFile,
  piece: Piece,
  options: ContentOptions,
): Promise<SlotData[]> {
  const { first, length, from } = piece;
  const bytes = await tryRead(file, from, length);
  if (bytes !== undefined) return [{ first, length, bytes }];
  if (length <= options.blockSectors) {
    options.losses.unreadableSectors += length;
    return [];
  }
  options.signal?.throwIfAborted();
  const half = Math.ceil(length / 2 / options.blockSectors) * options.blockSectors;
  const head = await readPiece(file, { first, length: half, from }, options);
  const tail = { first: first + half, length: length - half, from: from + half };
  return [...head, ...await readPiece(file, tail, options)];
}

/** `undefined` for what the medium does not give. */
async function tryRead(
  file: ContentFile,
  from: number,
  length: number,
): Promise<Uint8Array | undefined> {
  try {
    const bytes = await file.read(BigInt(from) * BigInt(SECTOR_SIZE), length * SECTOR_SIZE);
    return bytes.length === length * SECTOR_SIZE ? bytes : undefined;
  } catch (error) {
    if (error instanceof SystemError && MEDIUM_ERRORS.includes(error.errno)) return undefined;
    throw error;
  }
}
