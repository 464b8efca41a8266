// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import fc from "fast-check";
import { UsageError } from "./errors.ts";
import {
  formatSectorRange,
  MAX_SECTORS,
  mergeRanges,
  parseSectorRange,
  parseSectorRanges,
} from "./sectors.ts";

Deno.test("the three ways to write a range", () => {
  assert.deepEqual(parseSectorRange("123"), { first: 123n, count: 1n });
  assert.deepEqual(parseSectorRange("200+8"), { first: 200n, count: 8n });
  assert.deepEqual(parseSectorRange("512-519"), { first: 512n, count: 8n });
  assert.deepEqual(parseSectorRange("7-7"), { first: 7n, count: 1n });
});

Deno.test("lists keep their order and are not merged", () => {
  assert.deepEqual(parseSectorRanges(["9,8+1", "7"]).map((range) => range.first), [9n, 8n, 7n]);
});

Deno.test("what is no range is refused, and the text is quoted", () => {
  const wrong = ["", "x", "-1", "1+", "1+0", "5-4", "0x10", "1 2", "1+2+3", " 1", "1.5", "1,,2"];
  for (const text of wrong) {
    assert.throws(
      () => parseSectorRanges([text]),
      (error) => error instanceof UsageError,
      `"${text}" was taken`,
    );
  }
  assert.throws(() => parseSectorRange("9-3"), /"9-3" ends before it starts/);
  assert.throws(() => parseSectorRange(`${MAX_SECTORS}`), /beyond any device/);
});

Deno.test("formatting and parsing are inverse", () => {
  const range = fc.record({
    first: fc.bigInt({ min: 0n, max: MAX_SECTORS / 2n }),
    count: fc.bigInt({ min: 1n, max: MAX_SECTORS / 2n }),
  }, { noNullPrototype: true });
  fc.assert(fc.property(range, (value) => {
    assert.deepEqual(parseSectorRange(formatSectorRange(value)), value);
  }));
});

Deno.test("merging keeps every sector, once and in order", () => {
  const small = fc.array(fc.record({
    first: fc.bigInt({ min: 0n, max: 40n }),
    count: fc.bigInt({ min: 1n, max: 6n }),
  }));
  const sectorsOf = (ranges: readonly { first: bigint; count: bigint }[]) =>
    ranges.flatMap(({ first, count }) =>
      Array.from({ length: Number(count) }, (_, i) => Number(first) + i)
    );
  fc.assert(fc.property(small, (ranges) => {
    const merged = mergeRanges(ranges);
    const expected = [...new Set(sectorsOf(ranges))].sort((a, b) => a - b);
    assert.deepEqual(sectorsOf(merged), expected);
    for (let i = 1; i < merged.length; i++) {
      assert.ok(merged[i]!.first > merged[i - 1]!.first + merged[i - 1]!.count);
    }
  }));
});
