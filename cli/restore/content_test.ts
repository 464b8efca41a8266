// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import fc from "fast-check";
import type { SlotData } from "../store/types.ts";
import { compareContent, compareInto, coverage, SpanList } from "./content.ts";
import type { Span } from "./types.ts";

const SECTORS = 60;

/** A content by sector, cut into pieces somehow; 0: none. */
const contents = fc.tuple(
  fc.array(fc.nat(3), { minLength: SECTORS, maxLength: SECTORS }),
  fc.array(fc.boolean(), { minLength: SECTORS, maxLength: SECTORS }),
);

function piecesOf([values, cuts]: readonly [readonly number[], readonly boolean[]]): SlotData[] {
  const pieces: { first: number; values: number[] }[] = [];
  values.forEach((value, sector) => {
    if (value === 0) return;
    const last = pieces.at(-1);
    if (last !== undefined && last.first + last.values.length === sector && !cuts[sector]) {
      last.values.push(value);
    } else pieces.push({ first: sector, values: [value] });
  });
  return pieces.map(({ first, values }) => ({
    first,
    length: values.length,
    // Only the last byte of a sector tells: all of it has to be looked at.
    bytes: Uint8Array.from(
      { length: 512 * values.length },
      (_, at) => at % 512 === 511 ? values[Math.floor(at / 512)]! : 7,
    ),
  }));
}

async function* later<T>(items: Iterable<T>): AsyncGenerator<T> {
  for (const item of items) yield await Promise.resolve(item);
}

const sectorsOf = (spans: readonly Span[]) =>
  spans.flatMap(({ first, length }) => Array.from({ length }, (_, at) => first + at));

Deno.test("contents are compared sector by sector, however they are cut", async () => {
  await fc.assert(fc.asyncProperty(contents, contents, async (left, right) => {
    const [a, b] = [left[0], right[0]];
    const both = a.map((value, at) => value !== 0 && b[at] !== 0);
    const { equal, differing } = await compareContent(piecesOf(left), later(piecesOf(right)), 1);
    const all = a.map((_, at) => at);
    assert.deepEqual(sectorsOf(equal), all.filter((at) => both[at] && a[at] === b[at]));
    assert.deepEqual(sectorsOf(differing), all.filter((at) => both[at] && a[at] !== b[at]));
    assert.deepEqual(
      sectorsOf(await coverage(piecesOf(left))),
      all.filter((at) => a[at] !== 0),
    );
  }));
});

Deno.test("a block of which one sector differs is another block", async () => {
  const bytes = new Uint8Array(16 * 512);
  const other = bytes.slice();
  other[3 * 512] = 1;
  const data = (content: Uint8Array) => [{ first: 0, length: 16, bytes: content }];
  assert.deepEqual(await compareContent(data(bytes), data(other), 8), {
    equal: [{ first: 8, length: 8 }],
    differing: [{ first: 0, length: 8 }],
  });
});

Deno.test("what was seen before a source failed is known", async () => {
  const piece = (value: number) => ({
    first: 0,
    length: 1,
    bytes: new Uint8Array(512).fill(value),
  });
  function* breaksOff() {
    yield piece(2);
    throw new Error("gone");
  }
  const seen = { equal: new SpanList(), differing: new SpanList() };
  const data = [{ first: 0, length: 2, bytes: new Uint8Array(1024) }];
  await assert.rejects(compareInto(seen, data, breaksOff(), 1), /gone/);
  assert.deepEqual(seen.differing.spans, [{ first: 0, length: 1 }]);
});
