// SPDX-License-Identifier: GPL-2.0-only

/** Units in a page, a bit each: sixteen words. */
const PAGE_UNITS = 512;
const PAGE_WORDS = PAGE_UNITS / 32;
/** So many are simply an array; memory that nobody touches is not taken. */
const FLAT_UNITS = 2 ** 28;
/** 128 MiB of bits: half a tebibyte of slots in use. Nobody has that many, but a file may say so. */
const MOST_WORDS = 2 ** 25;

/** More slots in use than fit into the memory that a check may take. */
export class TooManySlotsError extends Error {
  override readonly name = "TooManySlotsError";
}

/**
 * Which slots are in use, a bit for each logical block. Of a huge range, pages come when a bit in
 * them is set, so that it takes little memory with little in it, whatever a damaged disk says.
 */
export class SlotMap {
  readonly #unit: number;
  readonly #most: number;
  readonly #isFlat: boolean;
  /** Where a page starts in #words. */
  readonly #pages = new Map<number, number>();
  #words: Uint32Array;
  #used = 0;
  #lastPage = -1;
  #lastStart = 0;

  constructor(
    /** Sectors in a logical block. */
    unit: number,
    /** The sector behind the last slot. */
    end: number,
    mostWords = MOST_WORDS,
  ) {
    this.#unit = unit;
    this.#most = mostWords;
    const units = Math.ceil(end / unit);
    this.#isFlat = units <= FLAT_UNITS;
    this.#words = new Uint32Array(this.#isFlat ? (units >>> 5) + 1 : 64 * PAGE_WORDS);
  }

  /**
   * Sets the bits of whole logical blocks.
   * @returns whether none of them was set before
   * @throws {TooManySlotsError}
   */
  claim(slot: number, length: number): boolean {
    return this.#isFlat && length === this.#unit
      ? this.#claimOne(slot)
      : this.#claimRun(slot, length);
  }

  /** What a scattered table does a million times. */
  #claimOne(slot: number): boolean {
    const unit = (slot / this.#unit) | 0;
    const mask = 1 << (unit & 31);
    const before = this.#words[unit >>> 5]!;
    this.#words[unit >>> 5] = before | mask;
    return (before & mask) === 0;
  }

  #claimRun(slot: number, length: number): boolean {
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
      if (this.#isThere(unit)) {
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
      if (this.#isThere(unit)) {
        const mask = maskOf(bit, Math.min(32, bit + end - unit));
        if ((this.#words[this.#wordOf(unit)]! & mask) !== 0) return true;
      }
      unit += 32 - bit;
    }
    return false;
  }

  #isThere(unit: number): boolean {
    return this.#isFlat || this.#pages.has(Math.floor(unit / PAGE_UNITS));
  }

  #wordOf(unit: number): number {
    if (this.#isFlat) return unit >>> 5;
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
