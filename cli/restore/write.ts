// SPDX-License-Identifier: GPL-2.0-only
// Writes a spare anew so that it is refused until all of it is there: a superblock that says
// "unfinished" first, then the slots, then, after a flush, the metadata.
import { SystemError } from "../../ffi/errors.ts";
import { isZero } from "../metadata/block.ts";
import { checkMetadata } from "../metadata/check.ts";
import type { Extent } from "../metadata/extent.ts";
import { BLOCK_SECTORS, BLOCK_SIZE, INCOMPAT_UNFINISHED, SECTOR_SIZE } from "../metadata/format.ts";
import type { Image } from "../metadata/image.ts";
import { layoutOf } from "../metadata/layout.ts";
import {
  EMPTY_TABLE,
  encodeSuperblock,
  NO_FEATURES,
  type Superblock,
} from "../metadata/superblock.ts";
import { type SuperblockFields, writeMetadata } from "../metadata/write.ts";
import { InterruptedError } from "../output/exit_codes.ts";
import type { SlotData, Source } from "../store/types.ts";
import { isSame, partOf, SpanList } from "./content.ts";
import type { Placed } from "./place.ts";
import type { Span } from "./types.ts";
import { zip } from "./zip.ts";

/** What was written does not come back as it was. */
export class ReadBackError extends Error {
  override readonly name = "ReadBackError";
}

/** How far the work is, in sectors, and whether it shall go on. */
export interface Pace {
  readonly signal?: AbortSignal;
  readonly onProgress?: (sectors: number) => void;
}

/** Between two moments at which an interrupt is heard. */
const PAUSE_MS = 50;
const LARGEST_WRITE = 2048 * SECTOR_SIZE;

/**
 * From now on the range is refused, whatever it held: slots may be overwritten. The first block of
 * the journal is marked as well, once the superblocks are: never is everything zero, which would look
 * like a new spare.
 * @param from the spare whose content it is to have
 */
export function seal(image: Image, fields: SuperblockFields, from: string): void {
  const block = encodeSuperblock(unfinished(fields, from));
  const { journalStart } = layoutOf(fields.spareSectors, fields.blockSectors);
  for (const at of [0, 1, journalStart]) {
    image.write(at * BLOCK_SIZE, block);
    image.sync();
  }
}

/**
 * A guard for metadata that is written without a seal, over what does not count: where everything is
 * zero, the range would look new until the first block is there.
 */
export function guard(image: Image, fields: SuperblockFields): void {
  const { journalStart, slotsStart } = layoutOf(fields.spareSectors, fields.blockSectors);
  for (let block = 2; block < slotsStart / BLOCK_SECTORS; block++) {
    if (!isBlank(image, block)) return;
  }
  image.write(journalStart * BLOCK_SIZE, encodeSuperblock(unfinished(fields, fields.uuid)));
  image.sync();
}

/** What cannot be read is not known to be zero. */
function isBlank(image: Image, block: number): boolean {
  try {
    return isZero(image.read(block * BLOCK_SIZE, BLOCK_SIZE));
  } catch (error) {
    if (error instanceof SystemError) return false;
    throw error;
  }
}

function unfinished(fields: SuperblockFields, from: string): Superblock {
  const now = Math.floor(Date.now() / 1000);
  return {
    ...{ name: "", mainId: "", args: "", linkedGeneration: 0, ...fields },
    ...EMPTY_TABLE,
    ...{ sequence: 1, generation: 1, salt: 0, created: now, written: now },
    ...{ ...NO_FEATURES, incompat: INCOMPAT_UNFINISHED, linkedUuid: from },
  };
}

/**
 * Writes the content of `placed` where it belongs, and reads it back after a flush.
 * @param content is asked for twice
 * @returns the sectors of which there was content; `placed` may have more
 * @throws {ReadBackError | InterruptedError}
 */
export async function writeSlots(
  image: Image,
  placed: readonly Placed[],
  content: () => Source<SlotData>,
  pace: Pace = {},
): Promise<readonly Span[]> {
  const written = new SpanList();
  const writer = new BatchWriter(image);
  const breath = new Breath(pace);
  for await (const { first, slot, bytes } of located(placed, content())) {
    writer.put(slot * SECTOR_SIZE, bytes);
    written.add(first, bytes.length / SECTOR_SIZE);
    await breath.take(bytes.length / SECTOR_SIZE);
  }
  writer.flush();
  image.sync();
  for await (const { first, slot, bytes } of located(placed, content())) {
    if (!isSame(image.read(slot * SECTOR_SIZE, bytes.length), bytes)) {
      throw new ReadBackError(`sector ${first} does not read back from slot ${slot} as written`);
    }
    await breath.take(bytes.length / SECTOR_SIZE);
  }
  return written.spans;
}

/**
 * The metadata that makes the range whole. It is looked at as the module will.
 * @throws {ReadBackError}
 */
export function writeTable(
  image: Image,
  fields: SuperblockFields,
  extents: readonly Extent[],
): Superblock {
  const superblock = writeMetadata(image, fields, extents);
  const [problem] = checkMetadata(image).problems;
  if (problem !== undefined) throw new ReadBackError(`${problem.where}: ${problem.message}`);
  return superblock;
}

interface Located {
  readonly first: number;
  readonly slot: number;
  readonly bytes: Uint8Array;
}

/** The parts of a content that have a slot. */
async function* located(
  placed: readonly Placed[],
  content: Source<SlotData>,
): AsyncGenerator<Located> {
  let at = 0;
  for await (const data of content) {
    const end = data.first + data.length;
    while (at < placed.length && placed[at]!.first + placed[at]!.length <= data.first) at++;
    let last = at;
    while (last < placed.length && placed[last]!.first < end) last++;
    for (const { first, length, a } of zip(placed.slice(at, last), [data])) {
      if (a === undefined || first < data.first || first >= end) continue;
      yield {
        first,
        slot: a.slot + first - a.first,
        bytes: partOf(data, first, first + length),
      };
    }
  }
}

/** Makes one write of neighbours. */
class BatchWriter {
  #parts: Uint8Array[] = [];
  #offset = 0;
  #length = 0;

  constructor(readonly image: Image) {}

  put(offset: number, bytes: Uint8Array): void {
    const follows = this.#length > 0 && this.#offset + this.#length === offset;
    if (!follows || this.#length + bytes.length > LARGEST_WRITE) this.flush();
    if (this.#length === 0) this.#offset = offset;
    this.#parts.push(bytes);
    this.#length += bytes.length;
  }

  flush(): void {
    if (this.#length === 0) return;
    const all = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      all.set(part, at);
      at += part.length;
    }
    this.image.write(this.#offset, all);
    this.#parts = [];
    this.#length = 0;
  }
}

/** Lets others run now and then: an interrupt is only heard of when nothing else is being done. */
class Breath {
  #sectors = 0;
  #at = -Infinity;

  constructor(readonly pace: Pace) {}

  async take(sectors: number): Promise<void> {
    this.#sectors += sectors;
    if (performance.now() - this.#at < PAUSE_MS) return;
    this.pace.onProgress?.(this.#sectors);
    await new Promise((resolve) => setTimeout(resolve));
    if (this.pace.signal?.aborted) throw new InterruptedError("interrupted");
    this.#at = performance.now();
  }
}
