// SPDX-License-Identifier: GPL-2.0-only

/** Units in a page, a bit each: sixteen words. */
const PAGE_UNITS = 512;
const PAGE_WORDS = PAGE_UNITS / 32;
/** 128 MiB of bits: half a tebibyte of slots in use. Nobody has that many, but a file may say so. */
const MOST_WORDS = 2 ** 25;

/** More slots in use than fit into the memory that a check may take. */
export class TooManySlotsError extends Error {
  override readonly name = "TooManySlotsError";
}

/**
 * Which slots are in use, a bit for each logical block. Pages come when a bit in them is set, so
 * that a huge range with little in it takes little memory, whatever a damaged disk says.
 */
export class SlotMap {
  readonly #unit: number;
  readonly #most: number;
  /** Where a page starts in #words. */
  readonly #pages = new Map<number, number>();
  #words = new Uint32Array(64 * PAGE_WORDS);
  #used = 0;
  #lastPage = -1;
  #lastStart = 0;

  constructor(
    /** Sectors in a logical block. */
    unit: number,
    mostWords = MOST_WORDS,
  ) {
    this.#unit = unit;
    this.#most = mostWords;
  }

  /**
   * Sets the bits of whole logical blocks.
   * @returns whether none of them was set before
   * @throws {TooManySlotsError}
   */
  claim(slot: number, length: number): boolean {
    const end = (slot + length) / this.#unit;
    let free = true;
    for (let unit = slot / this.#unit; unit < end;) {
      const word = this.#wordOf(unit);
      const bit = unit % 32;
      const mask = maskOf(bit, Math.min(32, bit + end - unit));
      const before = this.#words[word]!;
      if ((before & mask) !== 0) free = false;
      this.#words[word] = before | mask;
      unit += 32 - bit;
    }
    return free;
  }

  free(slot: number, length: number): void {
    const end = (slot + length) / this.#unit;
    for (let unit = slot / this.#unit; unit < end;) {
      const bit = unit % 32;
      if (this.#pages.has(Math.floor(unit / PAGE_UNITS))) {
        const word = this.#wordOf(unit);
        this.#words[word] = this.#words[word]! & ~maskOf(bit, Math.min(32, bit + end - unit));
      }
      unit += 32 - bit;
    }
  }

  /** Is any of them set? */
  meets(slot: number, length: number): boolean {
    const end = (slot + length) / this.#unit;
    for (let unit = slot / this.#unit; unit < end;) {
      const bit = unit % 32;
      if (this.#pages.has(Math.floor(unit / PAGE_UNITS))) {
        const mask = maskOf(bit, Math.min(32, bit + end - unit));
        if ((this.#words[this.#wordOf(unit)]! & mask) !== 0) return true;
      }
      unit += 32 - bit;
    }
    return false;
  }

  #wordOf(unit: number): number {
    const page = Math.floor(unit / PAGE_UNITS);
    if (page !== this.#lastPage) {
      this.#lastStart = this.#pages.get(page) ?? this.#newPage(page);
      this.#lastPage = page;
    }
    return this.#lastStart + ((unit % PAGE_UNITS) >>> 5);
  }

  #newPage(page: number): number {
    const start = this.#used;
    if (start + PAGE_WORDS > this.#most) {
      throw new TooManySlotsError("more slots in use than can be checked");
    }
    if (start + PAGE_WORDS > this.#words.length) {
      const grown = new Uint32Array(this.#words.length * 2);
      grown.set(this.#words);
      this.#words = grown;
    }
    this.#pages.set(page, start);
    this.#used += PAGE_WORDS;
    return start;
  }
}

/** Bits `from` to `to`, exclusive; `to` is at most 32 and above `from`. */
function maskOf(from: number, to: number): number {
  return (0xffffffff >>> (32 - (to - from))) << from;
}
