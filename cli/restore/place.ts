// SPDX-License-Identifier: GPL-2.0-only
// Slots for what is to be restored.
import { type Extent, hasSlot } from "../metadata/extent.ts";
import { BLOCK_ENTRIES, BLOCK_SECTORS, MAX_RUN, MAX_SECTORS } from "../metadata/format.ts";
import { type Layout, layoutOf, pendingRoom } from "../metadata/layout.ts";
import type { BadSlots } from "../store/types.ts";
import type { Decision, Fate, Span } from "./types.ts";

/** Where a run of sectors goes. Slots count from the start of the new range. */
export interface Placed extends Span {
  readonly slot: number;
  readonly fate: Fate;
  /** The slot in the snapshot, of what is kept. */
  readonly from: number;
}

export interface Placement {
  /** By sector. What is on main has slot 0, and is not here if it is readable. */
  readonly placed: readonly Placed[];
  readonly bad: readonly BadSlots[];
}

export interface Range {
  readonly spareSectors: number;
  readonly blockSectors: number;
}

export interface PlaceOptions {
  /** What is kept stays where it is. */
  readonly inPlace: boolean;
  /** Slots of this very range that are not used any more. */
  readonly bad: readonly BadSlots[];
}

/**
 * `undefined` if the range does not hold everything: see {@linkcode leastSpare}. Runs lie as their
 * sectors do within 4 KiB, as long as there is room for that.
 */
export function place(
  decisions: readonly Decision[],
  range: Range,
  { inPlace, bad }: PlaceOptions,
): Placement | undefined {
  const layout = layoutOf(range.spareSectors, range.blockSectors);
  const fixed = inPlace
    ? decisions.filter(({ fate }) => fate === "kept").map(({ slot, length }) => ({ slot, length }))
    : [];
  const taken = [...fixed, ...bad].sort((a, b) => a.slot - b.slot);
  for (const unit of [BLOCK_SECTORS, 1]) {
    const placed = tryPlace(decisions, new Free(layout, taken, unit), inPlace);
    if (placed !== undefined && fits(placed, bad, layout, range)) return { placed, bad };
  }
  return undefined;
}

/** The table as it is written: by sector, bad slots last. */
export function extentsOf({ placed, bad }: Placement): Extent[] {
  const extents: Extent[] = [];
  for (const { first, length, slot, fate } of placed) {
    const state = fate === "content" || fate === "kept" ? "remapped" : fate;
    const last = extents.at(-1);
    const follows = last !== undefined && last.state === state &&
      last.first + last.length === first &&
      (!hasSlot(state) || last.slot + last.length === slot);
    if (follows) extents[extents.length - 1] = { ...last, length: last.length + length };
    else extents.push({ first, length, slot, state });
  }
  return [...extents, ...bad.map((each) => ({ ...each, first: 0, state: "bad" as const }))];
}

const NEEDS_SLOT: ReadonlySet<Fate> = new Set(["content", "kept", "lost"]);

/** The least length of a range that holds everything; a new one, without bad slots. */
export function leastSpare(decisions: readonly Decision[], blockSectors: number): number {
  const holds = (spareSectors: number) =>
    place(decisions, { spareSectors, blockSectors }, { inPlace: false, bad: [] }) !== undefined;
  let low = decisions.reduce(
    (sum, { fate, length }) => NEEDS_SLOT.has(fate) ? sum + length : sum,
    0,
  );
  let more = 256;
  while (!holds(low + more)) {
    low += more;
    more *= 2;
    if (low > MAX_SECTORS) throw new RangeError("no spare is large enough");
  }
  let high = low + more;
  while (high - low > blockSectors) {
    const middle = Math.floor((low + high) / 2 / blockSectors) * blockSectors;
    if (holds(middle)) high = middle;
    else low = middle;
  }
  return high;
}

function tryPlace(
  decisions: readonly Decision[],
  free: Free,
  inPlace: boolean,
): Placed[] | undefined {
  const placed: Placed[] = [];
  for (const { first, length, fate, slot } of decisions) {
    if (fate === "main") continue;
    if (fate === "pending" || fate === "wrong") {
      placed.push({ first, length, slot: 0, fate, from: 0 });
    } else if (fate === "kept" && inPlace) placed.push({ first, length, slot, fate, from: slot });
    else {
      for (let at = 0; at < length;) {
        const run = free.take(first + at, length - at);
        if (run === undefined) return undefined;
        const from = fate === "kept" ? slot + at : 0;
        placed.push({ first: first + at, length: run.length, slot: run.slot, fate, from });
        at += run.length;
      }
    }
  }
  return placed;
}

/** As the kernel counts them. */
function fits(
  placed: readonly Placed[],
  bad: readonly BadSlots[],
  layout: Layout,
  { blockSectors }: Range,
): boolean {
  let [entries, onMain] = [0, 0];
  for (const { length, state } of extentsOf({ placed, bad })) {
    const runs = Math.ceil(length / MAX_RUN);
    entries += runs;
    if (!hasSlot(state)) onMain += runs;
  }
  return layout.slots > 0 && entries <= layout.checkpointBlocks * BLOCK_ENTRIES &&
    onMain <= pendingRoom(layout, blockSectors);
}

/** The slots that nobody has, from the first one on. */
class Free {
  readonly #end: number;
  #at: number;
  #next = 0;

  constructor(
    { slotsStart, slots }: Layout,
    readonly taken: readonly BadSlots[],
    /** Runs lie as their sectors do, modulo this. */
    readonly unit: number,
  ) {
    this.#at = slotsStart;
    this.#end = slotsStart + slots;
  }

  take(first: number, length: number): BadSlots | undefined {
    for (;;) {
      const { unit, taken } = this;
      const slot = this.#at + (((first - this.#at) % unit) + unit) % unit;
      const barrier = taken[this.#next];
      const end = Math.min(barrier?.slot ?? Infinity, this.#end);
      if (slot < end) {
        const part = Math.min(length, end - slot);
        this.#at = slot + part;
        return { slot, length: part };
      }
      if (barrier === undefined || barrier.slot >= this.#end) return undefined;
      this.#at = Math.max(this.#at, barrier.slot + barrier.length);
      this.#next++;
    }
  }
}
