// SPDX-License-Identifier: GPL-2.0-only
// Content of sectors, as it comes from a store, a spare or a device: pieces in ascending order.
import { Buffer } from "node:buffer";
import { SECTOR_SIZE } from "../metadata/format.ts";
import type { SlotData, Source } from "../store/types.ts";
import type { Span } from "./types.ts";

/** A list of runs that grows at its end; neighbours become one. */
export class SpanList {
  readonly spans: Span[] = [];

  add(first: number, length: number): void {
    const last = this.spans.at(-1);
    if (last !== undefined && last.first + last.length === first) {
      this.spans[this.spans.length - 1] = { first: last.first, length: last.length + length };
    } else if (length > 0) this.spans.push({ first, length });
  }

  get sectors(): number {
    return this.spans.reduce((sum, { length }) => sum + length, 0);
  }
}

/** Of which sectors there is content. */
export async function coverage(data: Source<SlotData>): Promise<Span[]> {
  const covered = new SpanList();
  for await (const { first, length } of data) covered.add(first, length);
  return covered.spans;
}

/** Where two contents are the same, and where not, of the sectors that both have. */
export interface Comparison {
  readonly equal: readonly Span[];
  readonly differing: readonly Span[];
}

/** Compares block by block. */
export async function compareContent(
  left: Source<SlotData>,
  right: Source<SlotData>,
  blockSectors: number,
): Promise<Comparison> {
  const [equal, differing] = [new SpanList(), new SpanList()];
  await compareInto({ equal, differing }, left, right, blockSectors);
  return { equal: equal.spans, differing: differing.spans };
}

/** The same, for those who need what was seen before one of the sources failed. */
export async function compareInto(
  { equal, differing }: Readonly<Record<keyof Comparison, SpanList>>,
  left: Source<SlotData>,
  right: Source<SlotData>,
  blockSectors: number,
): Promise<void> {
  const block = blockSectors * SECTOR_SIZE;
  for await (const { first, a, b } of zipContent(left, right)) {
    for (let at = 0; at < a.length; at += block) {
      const end = Math.min(at + block, a.length);
      const same = isSame(a.subarray(at, end), b.subarray(at, end));
      (same ? equal : differing).add(first + at / SECTOR_SIZE, (end - at) / SECTOR_SIZE);
    }
  }
}

/** The same sectors of both. */
interface Both {
  readonly first: number;
  readonly a: Uint8Array;
  readonly b: Uint8Array;
}

async function* zipContent(
  left: Source<SlotData>,
  right: Source<SlotData>,
): AsyncGenerator<Both> {
  const [as, bs] = [cursorOf(left), cursorOf(right)];
  try {
    let [a, b] = [await as.next(), await bs.next()];
    while (a !== undefined && b !== undefined) {
      const first = Math.max(a.first, b.first);
      const end = Math.min(a.first + a.length, b.first + b.length);
      if (first < end) yield { first, a: partOf(a, first, end), b: partOf(b, first, end) };
      if (a.first + a.length <= end) a = await as.next();
      else b = await bs.next();
    }
  } finally {
    await as.close();
    await bs.close();
  }
}

/** The bytes of the sectors from `first` to `end`. */
export function partOf(data: SlotData, first: number, end: number): Uint8Array {
  const from = (first - data.first) * SECTOR_SIZE;
  return data.bytes.subarray(from, from + (end - first) * SECTOR_SIZE);
}

interface Cursor {
  next(): Promise<SlotData | undefined>;
  close(): Promise<void>;
}

function cursorOf(source: Source<SlotData>): Cursor {
  const iterator = Symbol.asyncIterator in source
    ? source[Symbol.asyncIterator]()
    : source[Symbol.iterator]();
  return {
    async next() {
      const next = await iterator.next();
      return next.done === true ? undefined : next.value;
    },
    async close() {
      await iterator.return?.();
    },
  };
}

export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
