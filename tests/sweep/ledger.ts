// SPDX-License-Identifier: GPL-2.0-only
//
// What each sector may hold, and what a loss of power may take, while requests come and go. Pure.
import { type Range, sectorsOf } from "../suite/guest/range.ts";
import { PromiseBroken } from "../model/promises.ts";
import { contentOf, describeContent, holdsStamp, stamps, wordsOf } from "../model/stamps.ts";

/** A write that has not come back. */
export interface Writing {
  readonly range: Range;
  readonly sequence: number;
  readonly fua: boolean;
  readonly data: Uint8Array<ArrayBuffer>;
  /** The writes of the same sectors that were in flight at some time of it. */
  readonly met: Set<Writing>;
}

/** A read that has not come back: what its sectors could hold when it began. */
export interface Reading {
  readonly range: Range;
  readonly began: number;
  readonly allowed: readonly ReadonlySet<number>[];
}

/** Reads may return any of the writes that the rules of a disk allow, and nothing else. */
export class Ledger {
  #sequence = 0;
  readonly #settled: Set<number>[];
  readonly #history: number[][];
  readonly #inFlight = new Set<Writing>();
  /** Sectors whose last write may be in a cache. */
  readonly #volatile = new Set<number>();

  constructor(readonly seed: number, readonly sectors: number) {
    this.#settled = Array.from({ length: sectors }, () => new Set([0]));
    this.#history = Array.from({ length: sectors }, () => [0]);
  }

  beginWrite(range: Range, fua = false): Writing {
    const sequence = ++this.#sequence;
    const data = stamps(this.seed, range.first, range.count, sequence);
    const writing: Writing = { range, sequence, fua, data, met: new Set() };
    for (const other of this.#inFlight) {
      if (!overlap(other.range, range)) continue;
      other.met.add(writing);
      writing.met.add(other);
    }
    this.#inFlight.add(writing);
    for (const sector of sectorsOf(range)) {
      this.#history[sector]!.push(sequence);
      this.#volatile.add(sector);
    }
    return writing;
  }

  endWrite(writing: Writing, acknowledged: boolean): void {
    this.#inFlight.delete(writing);
    for (const sector of sectorsOf(writing.range)) {
      const settled = this.#settled[sector]!;
      if (acknowledged) settled.clear();
      settled.add(writing.sequence);
      // Writes of a sector that met are in no order.
      for (const { range, sequence } of writing.met) {
        if (overlap(range, { first: sector, count: 1 })) settled.add(sequence);
      }
      if (acknowledged && writing.fua && writing.met.size === 0) this.#volatile.delete(sector);
    }
  }

  /** Sectors that a flush makes durable if it begins now, with the last write of each. */
  beginFlush(): ReadonlyMap<number, number> {
    const covered = new Map([...this.#volatile].map((at) => [at, this.#history[at]!.at(-1)!]));
    for (const { range } of this.#inFlight) {
      for (const sector of sectorsOf(range)) covered.delete(sector);
    }
    return covered;
  }

  endFlush(covered: ReadonlyMap<number, number>, acknowledged: boolean): void {
    if (!acknowledged) return;
    for (const [sector, sequence] of covered) {
      if (this.#history[sector]!.at(-1) === sequence) this.#volatile.delete(sector);
    }
  }

  /** Whether what the sector holds must survive a loss of power. */
  isDurable(sector: number): boolean {
    return !this.#volatile.has(sector);
  }

  #allowed(sector: number): Set<number> {
    const allowed = new Set(this.#settled[sector]!);
    for (const { range, sequence } of this.#inFlight) {
      if (overlap(range, { first: sector, count: 1 })) allowed.add(sequence);
    }
    return allowed;
  }

  beginRead(range: Range): Reading {
    const allowed = [...sectorsOf(range)].map((sector) => this.#allowed(sector));
    return { range, began: this.#sequence, allowed };
  }

  /** @throws {PromiseBroken} */
  endRead({ range, began, allowed }: Reading, data: Uint8Array): void {
    const words = wordsOf(data);
    for (const sector of sectorsOf(range)) {
      const index = sector - range.first;
      const sequence = words[index * 128 + 3]!;
      const possible = allowed[index]!.has(sequence) ||
        (sequence > began && this.#history[sector]!.includes(sequence));
      if (possible && holdsStamp(words, index, this.seed, sector, sequence)) continue;
      const list = [...allowed[index]!].join(" or ");
      const found = contentOf(words, index);
      const own = found.kind === "stamp" && found.seed === this.seed && found.sector === sector;
      throw new PromiseBroken(
        own
          ? "promises 1 and 2, what was written last is read"
          : "promise 3, an error or the data, never anything else",
        `sector ${sector} reads ${describeContent(found)}, not write ${list}`,
      );
    }
  }
}

function overlap(a: Range, b: Range): boolean {
  return a.first < b.first + b.count && b.first < a.first + a.count;
}
