// SPDX-License-Identifier: GPL-2.0-only
//
// What each sector may hold while its writes are in flight. Pure: the races happen elsewhere.
import { PromiseBroken } from "../model/promises.ts";
import { type Range, sectorsOf } from "../suite/guest/range.ts";
import { contentOf, describeContent, holdsStamp, stamps, wordsOf } from "../model/stamps.ts";

/** A write that has not come back. */
export interface PendingWrite {
  readonly range: Range;
  readonly sequence: number;
  readonly data: Uint8Array<ArrayBuffer>;
}

/** A read that has not come back, with the oldest writes that it may still see. */
export interface PendingRead {
  readonly range: Range;
  readonly floors: Uint32Array;
  /** When it began. */
  readonly tick: number;
}

/** A sector whose reads may fail. */
interface Excuse {
  /** Its place is bad; else it may be lost, or pending, for as long as it is not written. */
  active: boolean;
  /** Only a write that has begun after this one ends it. */
  after: number;
}

/**
 * Each sector has one writer, which has one write of it in flight at most. A read returns the last
 * write that was acknowledged or read before it began, or a newer one that has begun before it ended.
 *
 * A read may fail if any of its sectors was excused at any time while it was under way.
 */
export class Ledger {
  #sequence = 0;
  #tick = 0;
  /** Sector by sector: the last write begun, and the newest that no read may go behind. */
  readonly #begun: Uint32Array;
  readonly #floor: Uint32Array;
  readonly #excuses = new Map<number, Excuse>();
  /** When the last excuse of a sector has ended. */
  readonly #ended: Uint32Array;

  constructor(readonly seed: number, readonly sectors: number) {
    this.#begun = new Uint32Array(sectors);
    this.#floor = new Uint32Array(sectors);
    this.#ended = new Uint32Array(sectors);
  }

  /** Their first content. */
  initial({ first, count }: Range): Uint8Array<ArrayBuffer> {
    return stamps(this.seed, first, count, 0);
  }

  beginWrite(range: Range): PendingWrite {
    const sequence = ++this.#sequence;
    this.#begun.fill(sequence, range.first, range.first + range.count);
    return { range, sequence, data: stamps(this.seed, range.first, range.count, sequence) };
  }

  acknowledge({ range, sequence }: PendingWrite): void {
    for (const sector of sectorsOf(range)) {
      this.#floor[sector] = Math.max(this.#floor[sector]!, sequence);
      const excuse = this.#excuses.get(sector);
      if (excuse !== undefined && !excuse.active && sequence > excuse.after) this.#end(sector);
    }
  }

  #end(sector: number): void {
    this.#excuses.delete(sector);
    this.#ended[sector] = ++this.#tick;
  }

  /** Their content has been declared lost: only what is written from now on may be read. */
  lose(range: Range): void {
    this.#floor.fill(this.#sequence + 1, range.first, range.first + range.count);
    for (const sector of sectorsOf(range)) {
      this.#excuses.set(sector, { active: false, after: this.#sequence });
    }
  }

  /** From now on they cannot be read where they lie, and may get lost. */
  goBad(range: Range): void {
    for (const sector of sectorsOf(range)) this.#excuses.set(sector, { active: true, after: 0 });
  }

  /** Their place is good again; each one is, too, once it has been written. */
  healed(): void {
    for (const excuse of this.#excuses.values()) {
      if (!excuse.active) continue;
      excuse.active = false;
      excuse.after = this.#sequence;
    }
  }

  isExcused(range: Range): boolean {
    for (const sector of sectorsOf(range)) if (this.#excuses.has(sector)) return true;
    return false;
  }

  beginRead(range: Range): PendingRead {
    const end = range.first + range.count;
    return { range, floors: this.#floor.slice(range.first, end), tick: this.#tick };
  }

  #mayFail({ range, tick }: PendingRead): boolean {
    for (const sector of sectorsOf(range)) {
      if (this.#excuses.has(sector) || this.#ended[sector]! > tick) return true;
    }
    return false;
  }

  /** The read has failed. */
  failRead(read: PendingRead, code: string): void {
    if (code === "EIO" && this.#mayFail(read)) return;
    const { first, count } = read.range;
    throw new PromiseBroken(
      "promise 1, an acknowledged write is readable",
      `a read of ${first}+${count} failed with ${code}`,
    );
  }

  /** @throws {PromiseBroken} */
  endRead({ range, floors }: PendingRead, data: Uint8Array): void {
    const words = wordsOf(data);
    for (const sector of sectorsOf(range)) {
      const index = sector - range.first;
      const floor = floors[index]!;
      const sequence = words[index * 128 + 3]!;
      if (!holdsStamp(words, index, this.seed, sector, sequence)) {
        throw new PromiseBroken(
          "promise 3, never other data",
          `sector ${sector} reads ${describeContent(contentOf(words, index))}`,
        );
      }
      if (sequence < floor || sequence > this.#begun[sector]!) {
        throw new PromiseBroken(
          "promise 1, an acknowledged write is readable",
          `sector ${sector} reads write ${sequence}, but ${floor} was acknowledged or read ` +
            `before, and ${this.#begun[sector]} is the last one begun`,
        );
      }
      // Older data must not come back: time goes one way.
      this.#floor[sector] = Math.max(this.#floor[sector]!, sequence);
    }
  }
}
