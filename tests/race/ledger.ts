// SPDX-License-Identifier: GPL-2.0-only
//
// What each sector may hold while its writes are in flight. Pure: the races happen elsewhere.
import { type Range, sectorsOf } from "../model/range.ts";
import { PromiseBroken } from "../model/promises.ts";
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
  /** Sectors that are lost as yet, so that the read may fail. */
  readonly mayFail: boolean;
}

/**
 * Each sector has one writer, which has one write of it in flight at most. A read returns the last
 * write that was acknowledged or read before it began, or a newer one that has begun before it ended.
 */
export class Ledger {
  #sequence = 0;
  /** Sector by sector: the last write begun, and the newest that no read may go behind. */
  readonly #begun: Uint32Array;
  readonly #floor: Uint32Array;
  readonly #lost: Uint8Array;

  constructor(readonly seed: number, readonly sectors: number) {
    this.#begun = new Uint32Array(sectors);
    this.#floor = new Uint32Array(sectors);
    this.#lost = new Uint8Array(sectors);
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
    }
    this.#lost.fill(0, range.first, range.first + range.count);
  }

  /** Their content has been declared lost: only what is written from now on may be read. */
  lose(range: Range): void {
    this.#floor.fill(this.#sequence + 1, range.first, range.first + range.count);
    this.#lost.fill(1, range.first, range.first + range.count);
  }

  beginRead(range: Range): PendingRead {
    const end = range.first + range.count;
    return {
      range,
      floors: this.#floor.slice(range.first, end),
      mayFail: this.#lost.subarray(range.first, end).includes(1),
    };
  }

  /** The read has failed. */
  failRead({ range, mayFail }: PendingRead, code: string): void {
    if (mayFail && code === "EIO") return;
    throw new PromiseBroken(
      "promise 1, an acknowledged write is readable",
      `a read of ${range.first}+${range.count} failed with ${code}`,
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
