// SPDX-License-Identifier: GPL-2.0-only

/** `end` is exclusive. */
export interface Interval {
  readonly start: number;
  readonly end: number;
  /** Whose it is: the last that was assigned to it. */
  readonly value: number;
}

export interface AssignEvents {
  /** A part that had a value before. */
  readonly replaced: (start: number, end: number, value: number) => void;
  /** A part that had none. */
  readonly gap: (start: number, end: number) => void;
}

const CHUNK = 512;

/**
 * Ranges with a value each, which do not overlap; later ones cut earlier ones. In chunks, so that
 * a quarter of a million of them in any order stay quick.
 */
export class IntervalMap {
  /** Ascending, none of them empty. */
  readonly #chunks: Interval[][] = [];

  get isEmpty(): boolean {
    return this.#chunks.length === 0;
  }

  assign(start: number, end: number, value: number, { replaced, gap }: AssignEvents): void {
    const fresh: Interval[] = [];
    const [chunk, index] = this.#behind(start);
    let [lastChunk, lastIndex] = [chunk, index];
    let position = start;
    let rest: Interval | undefined;
    for (;;) {
      const piece = this.#chunks[lastChunk]?.[lastIndex];
      if (piece === undefined || piece.start >= end) break;
      if (piece.start < start) fresh.push({ ...piece, end: start });
      if (piece.start > position) gap(position, piece.start);
      const until = Math.min(end, piece.end);
      replaced(Math.max(start, piece.start), until, piece.value);
      if (piece.end > end) rest = { ...piece, start: end };
      position = until;
      lastIndex++;
      if (lastIndex === this.#chunks[lastChunk]!.length) {
        [lastChunk, lastIndex] = [lastChunk + 1, 0];
      }
    }
    if (position < end) gap(position, end);
    fresh.push({ start, end, value });
    if (rest !== undefined) fresh.push(rest);
    this.#splice(chunk, index, lastChunk, lastIndex, fresh);
  }

  *[Symbol.iterator](): Generator<Interval> {
    for (const chunk of this.#chunks) yield* chunk;
  }

  /** The place of the first interval that ends behind `position`. */
  #behind(position: number): [number, number] {
    const chunk = lowest(this.#chunks.length, (at) => this.#chunks[at]!.at(-1)!.end > position);
    const pieces = this.#chunks[chunk];
    if (pieces === undefined) return [chunk, 0];
    return [chunk, lowest(pieces.length, (at) => pieces[at]!.end > position)];
  }

  /** Puts `fresh` in place of all from one place to the other, exclusive. */
  #splice(
    chunk: number,
    index: number,
    lastChunk: number,
    lastIndex: number,
    fresh: readonly Interval[],
  ): void {
    let [first, from, last] = [chunk, index, lastChunk];
    if (from === 0 && first > 0) from = this.#chunks[--first]!.length;
    // What stands right before the beginning of a chunk goes to the end of the one before.
    if (lastIndex === 0 && last > first) last--;
    const pieces = this.#chunks[last] ?? [];
    const after = lastIndex === 0 && last !== lastChunk ? [] : pieces.slice(lastIndex);
    const all = [...this.#chunks[first]?.slice(0, from) ?? [], ...fresh, ...after];
    const parts: Interval[][] = [];
    const size = all.length > 2 * CHUNK ? CHUNK : all.length;
    for (let at = 0; at < all.length; at += size) parts.push(all.slice(at, at + size));
    this.#chunks.splice(first, last - first + 1, ...parts);
  }
}

/** The lowest index that fits, if all behind it do, too; `count` if none does. */
function lowest(count: number, fits: (index: number) => boolean): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (fits(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
