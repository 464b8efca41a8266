// SPDX-License-Identifier: GPL-2.0-only
// A checkpoint, entry by entry, and what the journal made of it.
import { BAD, MAIN, stateHasSlot } from "./entry.ts";
import { type Interval, IntervalMap } from "./interval_map.ts";
import type { JournalEntries } from "./journal.ts";

/** Takes extents as numbers. */
export type Sink = (first: number, length: number, slot: number, state: number) => void;

/** Sectors, or slots, that an entry of the journal gave up. */
export interface Freed {
  readonly entry: number;
  readonly slot: number;
  readonly length: number;
}

/** What a journal says in the end, and which of its own slots it gave up on the way. */
export class Replay {
  /** The last entry for each sector, `main` among them. */
  readonly sectors: readonly Interval[];
  /** The first entry for each sector: where what the checkpoint said of it ended. */
  readonly firstTouch: readonly Interval[];
  /** Bad slots, in no order. */
  readonly bad: readonly { readonly slot: number; readonly length: number }[];
  /** In the order of the entries. */
  readonly freed: readonly Freed[];

  constructor(readonly entries: JournalEntries) {
    const map = new IntervalMap();
    const touch: Interval[] = [];
    const freed: Freed[] = [];
    const bad: { slot: number; length: number }[] = [];
    for (let entry = 0; entry < entries.count; entry++) {
      const [first, length] = [entries.first[entry]!, entries.length[entry]!];
      if (entries.state[entry] === BAD) {
        bad.push({ slot: entries.slot[entry]!, length });
        continue;
      }
      map.assign(first, first + length, entry, {
        gap: (start, end) => touch.push({ start, end, value: entry }),
        replaced: (start, end, was) => {
          if (!stateHasSlot(entries.state[was]!)) return;
          freed.push({ entry, slot: this.slotAt(was, start), length: end - start });
        },
      });
    }
    this.sectors = [...map];
    this.firstTouch = touch.sort((a, b) => a.start - b.start);
    this.bad = bad.sort((a, b) => a.slot - b.slot);
    this.freed = freed;
  }

  /** The slot that an entry of the journal gave to a sector, 0 if it gave none. */
  slotAt(entry: number, sector: number): number {
    const { slot, first, state } = this.entries;
    return stateHasSlot(state[entry]!) ? slot[entry]! + sector - first[entry]! : 0;
  }
}

/**
 * Takes the entries of a checkpoint, ascending, and hands on what is left of them together with what
 * the journal put in their place, ascending as well, bad slots last.
 */
export class Merge {
  readonly #replay: Replay;
  readonly #sink: Sink;
  /** The first interval of the journal that was not handed on yet. */
  #at = 0;
  #badAt = 0;

  constructor(replay: Replay, sink: Sink) {
    this.#replay = replay;
    this.#sink = sink;
  }

  push(first: number, length: number, slot: number, state: number): void {
    if (state === BAD) return this.#pushBad(length, slot);
    const { sectors } = this.#replay;
    while (this.#at < sectors.length && sectors[this.#at]!.end <= first) this.#emit(this.#at++);
    const end = first + length;
    const hasSlot = stateHasSlot(state);
    let position = first;
    while (position < end) {
      const over = sectors[this.#at];
      const until = over === undefined ? end : Math.min(end, over.start);
      if (until > position) {
        const from = hasSlot ? slot + position - first : 0;
        this.#sink(position, until - position, from, state);
      }
      if (over === undefined || over.start >= end) return;
      position = over.end;
      if (over.end <= end) this.#emit(this.#at++);
    }
  }

  #pushBad(length: number, slot: number): void {
    this.#finishSectors();
    const { bad } = this.#replay;
    while (this.#badAt < bad.length && bad[this.#badAt]!.slot < slot) this.#emitBad();
    this.#sink(0, length, slot, BAD);
  }

  /** Hands on what lies behind the last entry of the checkpoint. */
  finish(): void {
    this.#finishSectors();
    while (this.#badAt < this.#replay.bad.length) this.#emitBad();
  }

  #finishSectors(): void {
    while (this.#at < this.#replay.sectors.length) this.#emit(this.#at++);
  }

  #emitBad(): void {
    const { slot, length } = this.#replay.bad[this.#badAt++]!;
    this.#sink(0, length, slot, BAD);
  }

  #emit(at: number): void {
    const { start, end, value } = this.#replay.sectors[at]!;
    const state = this.#replay.entries.state[value]!;
    if (state !== MAIN) this.#sink(start, end - start, this.#replay.slotAt(value, start), state);
  }
}
