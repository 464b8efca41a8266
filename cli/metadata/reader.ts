// SPDX-License-Identifier: GPL-2.0-only
import { BLOCK_SIZE } from "./format.ts";
import type { Image } from "./image.ts";

/** A block as it was read. */
export interface RawBlock {
  /** From the first one asked for. */
  readonly index: number;
  readonly bytes: Uint8Array;
  /** The same, as words in the order of this machine, which is that of the disk. */
  readonly words: Uint32Array;
}

/** One that could not be read. */
export interface LostBlock {
  readonly index: number;
  readonly bytes: undefined;
  readonly error: string;
}

const RUN_BLOCKS = 256;

/** Reads blocks in their order, a mebibyte at a time, and goes on behind those that cannot be read. */
export function* readBlocks(
  image: Image,
  start: number,
  count: number,
): Generator<RawBlock | LostBlock> {
  for (let index = 0; index < count; index += RUN_BLOCKS) {
    const length = Math.min(RUN_BLOCKS, count - index);
    const run = tryRead(image, start + index, length);
    for (let at = 0; at < length; at++) {
      const alone = typeof run === "string" ? tryRead(image, start + index + at, 1) : run;
      if (typeof alone === "string") yield { index: index + at, bytes: undefined, error: alone };
      else yield blockOf(alone, index + at, alone === run ? at : 0);
    }
  }
}

/** One block, by its number. */
export function readBlock(image: Image, block: number): RawBlock | LostBlock {
  const [only] = readBlocks(image, block, 1);
  return only!;
}

/** The bytes, or why they cannot be had. */
function tryRead(image: Image, block: number, count: number): Uint8Array<ArrayBuffer> | string {
  try {
    return image.read(block * BLOCK_SIZE, count * BLOCK_SIZE);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function blockOf(run: Uint8Array<ArrayBuffer>, index: number, at: number): RawBlock {
  const start = run.byteOffset + at * BLOCK_SIZE;
  return {
    index,
    bytes: new Uint8Array(run.buffer, start, BLOCK_SIZE),
    words: new Uint32Array(run.buffer, start, BLOCK_SIZE / 4),
  };
}
