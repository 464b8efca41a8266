// SPDX-License-Identifier: GPL-2.0-only
// Copies of a spare: the content of its slots, and its metadata area as it is.
import { SystemError } from "../../ffi/errors.ts";
import { MEDIUM_ERRORS } from "../device/capture_content.ts";
import { RefusedError } from "../device/errors.ts";
import { type Extent, type ExtentState, hasSlot } from "../metadata/extent.ts";
import { BLOCK_SIZE, SECTOR_SIZE } from "../metadata/format.ts";
import type { Image } from "../metadata/image.ts";
import { layoutOf } from "../metadata/layout.ts";
import type { Salvage } from "../metadata/repair.ts";
import type { Range } from "../metadata/repair_table.ts";
import type { Superblock } from "../metadata/superblock.ts";
import { countExtents } from "../metadata/text.ts";
import { InterruptedError } from "../output/exit_codes.ts";
import { inWords, openTarget, type Target } from "./meta_target.ts";

/** A file that is not there is made, as long as the device that it is to stand in for. */
export function prepareOutput(
  { path, start = 0n }: Target,
  fields: Pick<Superblock, "spareSectors">,
): () => void {
  try {
    using file = Deno.openSync(path, { write: true, createNew: true });
    file.truncateSync((Number(start) + fields.spareSectors) * SECTOR_SIZE);
    return () => Deno.removeSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return () => undefined;
    throw inWords(error, path);
  }
}

/** Keeps the metadata area in a file of its own, which must not exist. */
export function keepCopy(
  source: Target,
  fields: Pick<Superblock, "spareSectors" | "blockSectors">,
  path: string,
): void {
  const { slotsStart } = layoutOf(fields.spareSectors, fields.blockSectors);
  let isOurs = false;
  try {
    using image = openTarget(source);
    using file = Deno.openSync(path, { write: true, createNew: true });
    isOurs = true;
    const zeroes = new Uint8Array(BLOCK_SIZE);
    for (let offset = 0; offset < slotsStart * SECTOR_SIZE; offset += BLOCK_SIZE) {
      const block = tryRead(image, offset, BLOCK_SIZE) ?? zeroes;
      for (let at = 0; at < block.length;) at += file.writeSync(block.subarray(at));
    }
    file.syncSync();
  } catch (error) {
    // A part of it would be taken for all of it, and keep the next attempt from being made.
    if (isOurs) Deno.removeSync(path);
    if (error instanceof Deno.errors.AlreadyExists) {
      throw new RefusedError("exists already", {
        device: path,
        cure: "give --backup a file that is not there yet",
      });
    }
    throw inWords(error, path);
  }
}

/** Sectors that are copied at once. */
const PART = 2048;
/** Between two moments at which an interrupt is heard: a dying disk takes its time for each sector. */
const PAUSE_MS = 50;

/**
 * Copies the content of all relocated sectors.
 * @returns what was saved, without the content of slots that cannot be read
 */
export async function copySlots(
  source: Target,
  output: Target,
  saved: Salvage,
  signal: AbortSignal,
): Promise<Salvage> {
  using from = openTarget(source);
  using to = openTarget(output, true);
  if (from.sizeBytes < saved.fields.spareSectors * SECTOR_SIZE) {
    throw new RefusedError("is shorter than the spare range: the content of slots is missing", {
      device: source.path,
      cure: "repair it --in-place, or give the whole device",
    });
  }
  return await copyContent(from, to, saved, signal);
}

/** The same between two spare ranges that are open. */
export async function copyContent(
  from: Image,
  to: Image,
  saved: Salvage,
  signal: AbortSignal,
): Promise<Salvage> {
  const copier = new Copier(from, to, saved.fields.blockSectors, signal);
  for (const extent of saved.extents) await copier.take(extent);
  to.sync();
  const { extents, unreadable } = copier;
  if (unreadable.length === 0) return saved;
  const loss = {
    code: "slot-unreadable",
    message: "the slots of some sectors could not be read; they count as lost: reads fail until " +
      "they are written again",
    ranges: unreadable,
  };
  return { ...saved, extents, counts: countExtents(extents), losses: [...saved.losses, loss] };
}

class Copier {
  readonly extents: Extent[] = [];
  readonly unreadable: Range[] = [];
  #paused = -Infinity;

  constructor(
    readonly from: Image,
    readonly to: Image,
    readonly blockSectors: number,
    readonly signal: AbortSignal,
  ) {}

  async take(extent: Extent): Promise<void> {
    const bad = hasContent(extent) ? await this.#unreadable(extent) : [];
    let at = 0;
    for (const { first, length } of bad) {
      this.#keep(extent, at, first - at, extent.state);
      this.#keep(extent, first, length, "unreadable");
      this.unreadable.push({ first: extent.first + first, length });
      at = first + length;
    }
    this.#keep(extent, at, extent.length - at, extent.state);
  }

  /** Copies an extent; what of it could not be read, counted from its start. */
  async #unreadable({ slot, length }: Extent): Promise<Range[]> {
    const bad: Range[] = [];
    for (let at = 0; at < length;) {
      const part = Math.min(PART, length - at);
      if (!(await this.#copy(slot + at, part))) {
        for (let block = at; block < at + part; block += this.blockSectors) {
          if (await this.#copy(slot + block, this.blockSectors)) continue;
          bad.push({ first: block, length: this.blockSectors });
        }
      }
      at += part;
    }
    return bad;
  }

  #keep({ first, slot, ...extent }: Extent, at: number, length: number, state: ExtentState): void {
    if (length === 0) return;
    this.extents.push(
      extent.state === "bad"
        ? { first: 0, length, slot, state }
        : { first: first + at, length, slot: hasSlot(extent.state) ? slot + at : 0, state },
    );
  }

  async #copy(sector: number, length: number): Promise<boolean> {
    await this.#pause();
    const bytes = tryRead(this.from, sector * SECTOR_SIZE, length * SECTOR_SIZE);
    if (bytes === undefined) return false;
    this.to.write(sector * SECTOR_SIZE, bytes);
    return true;
  }

  /** An interrupt is only heard of when nothing else is being done. */
  async #pause(): Promise<void> {
    if (performance.now() - this.#paused < PAUSE_MS) return;
    await new Promise((resolve) => setTimeout(resolve));
    if (this.signal.aborted) throw new InterruptedError("interrupted");
    this.#paused = performance.now();
  }
}

/** What a slot of these says is not what the sector should say. */
const WITHOUT_CONTENT: readonly ExtentState[] = ["lost", "unreadable", "bad"];

function hasContent({ state }: Extent): boolean {
  return hasSlot(state) && !WITHOUT_CONTENT.includes(state);
}

/** `undefined` for what the medium does not give; a device that is gone has not lost its sectors. */
function tryRead(image: Image, offset: number, length: number): Uint8Array | undefined {
  try {
    return image.read(offset, length);
  } catch (error) {
    if (error instanceof SystemError && !MEDIUM_ERRORS.includes(error.errno)) throw error;
    return undefined;
  }
}
