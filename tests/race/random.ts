// SPDX-License-Identifier: GPL-2.0-only
import type { Range } from "../suite/guest/range.ts";

/** Repeatable random numbers (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  #next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** 0 to `limit` - 1. */
  below(limit: number): number {
    return this.#next() % limit;
  }

  /** True one time in `n`. */
  chance(n: number): boolean {
    return this.below(n) === 0;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  /** Some sectors of a range. */
  part({ first, count }: Range): Range {
    const start = this.below(count);
    return { first: first + start, count: 1 + this.below(count - start) };
  }
}
