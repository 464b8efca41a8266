// SPDX-License-Identifier: GPL-2.0-only
import { encodeHeader, type Lineage, sealBlock, viewOf } from "./block.ts";
import { addToTotals, BAD, EntryChecker, OrderChecker, stateHasSlot } from "./entry.ts";
import { type Bounds, type Extent, EXTENT_STATES, hasSlot, packExtent } from "./extent.ts";
import {
  BLOCK_ENTRIES,
  BLOCK_SIZE,
  ENTRY_SIZE,
  FLAG_LAST,
  FORMAT_VERSION,
  HEADER_SIZE,
  MAX_RUN,
} from "./format.ts";
import type { Image } from "./image.ts";
import type { Layout } from "./layout.ts";
import { SlotMap } from "./slot_map.ts";

/** A whole table as the blocks of a checkpoint, checked as the kernel checks it. */
export class PackedTable {
  readonly counts = { remapped: 0, lost: 0, pending: 0, bad: 0 };
  entries = 0;
  /** Their headers are empty until they are written. */
  readonly #blocks: Uint8Array<ArrayBuffer>[] = [new Uint8Array(BLOCK_SIZE)];
  readonly #checker: EntryChecker;
  readonly #order = new OrderChecker();
  readonly #slots: SlotMap;
  readonly #room: number;

  /** @throws {RangeError} for a table that cannot be */
  constructor(bounds: Bounds, layout: Layout, extents: Iterable<Extent>) {
    this.#checker = new EntryChecker(bounds, "checkpoint");
    this.#slots = new SlotMap(bounds.blockSectors, bounds.spareSectors);
    this.#room = layout.checkpointBlocks * BLOCK_ENTRIES;
    for (const extent of extents) {
      for (const part of parts(extent)) this.#put(part);
    }
  }

  /** An empty table has one, too: that there was a checkpoint must show. */
  get blocks(): number {
    return this.#blocks.length;
  }

  #put(extent: Extent): void {
    const { first, length, slot } = extent;
    const state = EXTENT_STATES.indexOf(extent.state);
    const problem = this.#checker.problem(first, length, slot, state) ??
      this.#order.problem(first, length, slot, state === BAD) ??
      (stateHasSlot(state) && !this.#slots.claim(slot, length)
        ? "a slot is used twice"
        : undefined) ??
      (this.entries === this.#room ? "more entries than a checkpoint holds" : undefined);
    if (problem !== undefined) {
      throw new RangeError(`${problem}: ${extent.state} ${first}+${length}, slot ${slot}`);
    }
    const at = this.entries++ % BLOCK_ENTRIES;
    if (at === 0 && this.entries > 1) this.#blocks.push(new Uint8Array(BLOCK_SIZE));
    packExtent(viewOf(this.#blocks.at(-1)!), HEADER_SIZE + at * ENTRY_SIZE, extent);
    addToTotals(this.counts, length, state);
  }

  /** Seals the blocks and writes them from block `start` of the image on. */
  write(image: Image, start: number, { uuid, generation, salt }: Lineage): void {
    for (const [sequence, block] of this.#blocks.entries()) {
      const isLast = sequence === this.#blocks.length - 1;
      encodeHeader(block, "checkpoint", {
        version: FORMAT_VERSION,
        count: isLast ? this.entries - sequence * BLOCK_ENTRIES : BLOCK_ENTRIES,
        uuid,
        generation,
        sequence,
        flags: isLast ? FLAG_LAST : 0,
        salt,
      });
      sealBlock(block);
      image.write((start + sequence) * BLOCK_SIZE, block);
    }
  }
}

/** A run in parts of legal size. */
function* parts(extent: Extent): Generator<Extent> {
  if (extent.length <= MAX_RUN) return yield extent;
  const { state } = extent;
  for (let done = 0; done < extent.length; done += MAX_RUN) {
    yield {
      first: state === "bad" ? 0 : extent.first + done,
      length: Math.min(MAX_RUN, extent.length - done),
      slot: hasSlot(state) ? extent.slot + done : 0,
      state,
    };
  }
}
