// SPDX-License-Identifier: GPL-2.0-only
// Where the content of a remap device is read from: through the device while it is in use, past it
// while it stands still.
import { DirectFile } from "../../../ffi/direct_file.ts";
import { SystemError } from "../../../ffi/errors.ts";
import { SECTOR_SIZE } from "../../metadata/format.ts";
import { type Extent, hasSlot } from "../../metadata/extent.ts";

/** Content by sectors of the remap device. */
export interface Source {
  /** `undefined` if some of it has no content, or cannot be read. @throws for other errors */
  read(first: number, count: number): Promise<Uint8Array | undefined>;
}

/** What the medium, or the target for it, says of sectors: not of the way to them. */
const MEDIUM_ERRORS = ["EIO", "ENODATA", "EILSEQ"];

async function readOrMiss(
  file: DirectFile,
  first: number,
  count: number,
): Promise<Uint8Array | undefined> {
  try {
    return await file.read(BigInt(first) * BigInt(SECTOR_SIZE), count * SECTOR_SIZE);
  } catch (error) {
    if (error instanceof SystemError && MEDIUM_ERRORS.includes(error.code)) return undefined;
    throw error;
  }
}

/** Through the device itself: the kernel knows where everything is. */
export class LiveSource implements Source, Disposable {
  readonly #file: DirectFile;

  constructor(node: string) {
    this.#file = DirectFile.open(node);
  }

  read(first: number, count: number): Promise<Uint8Array | undefined> {
    return readOrMiss(this.#file, first, count);
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }
}

/** What of a range lies where. */
export interface Piece {
  readonly first: number;
  readonly count: number;
  /** On main from the target's start; `slot`: in the spare range; `none`: no content. */
  readonly place: "main" | "slot" | "none";
  /** Sector there. */
  readonly at: number;
}

/** Cuts a range by the table: entries ascend by their first sector, and hold no bad slots. */
export function piecesOf(entries: readonly Extent[], first: number, count: number): Piece[] {
  const pieces: Piece[] = [];
  const end = first + count;
  let at = first;
  for (let i = firstEndingBehind(entries, first); i < entries.length && at < end; i++) {
    const entry = entries[i]!;
    if (entry.first >= end) break;
    if (entry.first > at) {
      pieces.push({ first: at, count: entry.first - at, place: "main", at });
      at = entry.first;
    }
    const stop = Math.min(end, entry.first + entry.length);
    const place = entry.state === "remapped" ? "slot" : "none";
    const there = hasSlot(entry.state) ? entry.slot + at - entry.first : at;
    pieces.push({ first: at, count: stop - at, place, at: there });
    at = stop;
  }
  if (at < end) pieces.push({ first: at, count: end - at, place: "main", at });
  return pieces;
}

function firstEndingBehind(entries: readonly Extent[], sector: number): number {
  let [low, high] = [0, entries.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const { first, length } = entries[middle]!;
    if (first + length <= sector) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Main and spare themselves, by the table that the device had when it was suspended. */
export class StillSource implements Source, Disposable {
  readonly #main: DirectFile;
  readonly #spare: DirectFile;

  constructor(
    main: { readonly node: string; readonly start: number },
    spare: { readonly node: string; readonly start: number },
    readonly entries: readonly Extent[],
  ) {
    this.#mainStart = main.start;
    this.#spareStart = spare.start;
    this.#main = DirectFile.open(main.node);
    this.#spare = DirectFile.open(spare.node);
  }

  readonly #mainStart: number;
  readonly #spareStart: number;

  async read(first: number, count: number): Promise<Uint8Array | undefined> {
    const pieces = piecesOf(this.entries, first, count);
    if (pieces.some(({ place }) => place === "none")) return undefined;
    const content = new Uint8Array(count * SECTOR_SIZE);
    for (const piece of pieces) {
      const data = piece.place === "main"
        ? await readOrMiss(this.#main, this.#mainStart + piece.at, piece.count)
        : await readOrMiss(this.#spare, this.#spareStart + piece.at, piece.count);
      if (data === undefined) return undefined;
      content.set(data, (piece.first - first) * SECTOR_SIZE);
    }
    return content;
  }

  [Symbol.dispose](): void {
    this.#main[Symbol.dispose]();
    this.#spare[Symbol.dispose]();
  }
}
