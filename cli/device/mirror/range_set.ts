// SPDX-License-Identifier: GPL-2.0-only
// Sets of sectors, as numbers: what changed, what is missing, what is still to be copied.

/** Sectors from `first` up to, and without, `end`. */
export interface Span {
  readonly first: number;
  readonly end: number;
}

/** Ascending spans that neither overlap nor touch. */
export class RangeSet implements Iterable<Span> {
  #spans: Span[] = [];

  constructor(spans: Iterable<Span> = []) {
    for (const span of spans) this.add(span);
  }

  /** How many sectors. */
  get size(): number {
    return this.#spans.reduce((sum, { first, end }) => sum + end - first, 0);
  }

  get isEmpty(): boolean {
    return this.#spans.length === 0;
  }

  add({ first, end }: Span): void {
    if (first >= end) return;
    // Touching spans grow together.
    const from = this.#firstEndingAt(first);
    let to = from;
    let [low, high] = [first, end];
    for (; to < this.#spans.length && this.#spans[to]!.first <= end; to++) {
      low = Math.min(low, this.#spans[to]!.first);
      high = Math.max(high, this.#spans[to]!.end);
    }
    this.#spans.splice(from, to - from, { first: low, end: high });
  }

  remove({ first, end }: Span): void {
    if (first >= end) return;
    const from = this.#firstEndingAt(first + 1);
    const left: Span[] = [];
    let to = from;
    for (; to < this.#spans.length && this.#spans[to]!.first < end; to++) {
      const span = this.#spans[to]!;
      if (span.first < first) left.push({ first: span.first, end: first });
      if (span.end > end) left.push({ first: end, end: span.end });
    }
    this.#spans.splice(from, to - from, ...left);
  }

  /** Is any of these sectors in the set? */
  meets({ first, end }: Span): boolean {
    const span = this.#spans[this.#firstEndingAt(first + 1)];
    return first < end && span !== undefined && span.first < end;
  }

  /** The sectors of `span` that are in the set. */
  *within({ first, end }: Span): Generator<Span> {
    if (first >= end) return;
    for (let at = this.#firstEndingAt(first + 1); at < this.#spans.length; at++) {
      const span = this.#spans[at]!;
      if (span.first >= end) return;
      yield { first: Math.max(first, span.first), end: Math.min(end, span.end) };
    }
  }

  [Symbol.iterator](): Iterator<Span> {
    return this.#spans.values();
  }

  /** Index of the first span that ends at or behind a sector. */
  #firstEndingAt(sector: number): number {
    let [low, high] = [0, this.#spans.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#spans[middle]!.end < sector) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
