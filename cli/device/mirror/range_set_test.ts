// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import fc from "fast-check";
import { RangeSet, type Span } from "./range_set.ts";

const SECTORS = 40;

const span = fc.tuple(fc.nat(SECTORS), fc.nat(SECTORS)).map(([a, b]) => ({
  first: Math.min(a, b),
  end: Math.max(a, b),
}));
const step = fc.record({ adds: fc.boolean(), span });

function sectorsOf(spans: Iterable<Span>): number[] {
  return [...spans].flatMap(({ first, end }) =>
    Array.from({ length: end - first }, (_, i) => first + i)
  );
}

Deno.test("a set of ranges holds what a set of sectors holds", () => {
  fc.assert(fc.property(fc.array(step), span, (steps, asked) => {
    const ranges = new RangeSet();
    const sectors = new Set<number>();
    for (const { adds, span } of steps) {
      if (adds) ranges.add(span);
      else ranges.remove(span);
      for (const sector of sectorsOf([span])) {
        if (adds) sectors.add(sector);
        else sectors.delete(sector);
      }
    }
    const wanted = [...sectors].sort((a, b) => a - b);
    assert.deepEqual(sectorsOf(ranges), wanted);
    assert.equal(ranges.size, sectors.size);
    assert.equal(ranges.isEmpty, sectors.size === 0);
    const inside = wanted.filter((sector) => sector >= asked.first && sector < asked.end);
    assert.deepEqual(sectorsOf(ranges.within(asked)), inside);
    assert.equal(ranges.meets(asked), inside.length > 0);
  }));
});

Deno.test("ranges that touch are one", () => {
  const ranges = new RangeSet([{ first: 8, end: 16 }, { first: 0, end: 8 }, {
    first: 20,
    end: 24,
  }]);
  assert.deepEqual([...ranges], [{ first: 0, end: 16 }, { first: 20, end: 24 }]);
  ranges.add({ first: 16, end: 20 });
  assert.deepEqual([...ranges], [{ first: 0, end: 24 }], "at both ends");
  ranges.add({ first: 24, end: 25 });
  assert.deepEqual([...ranges], [{ first: 0, end: 25 }], "at the end");
});

Deno.test("what is taken out of the middle leaves both ends, to the sector", () => {
  const ranges = new RangeSet([{ first: 10, end: 20 }, { first: 30, end: 40 }]);
  ranges.remove({ first: 14, end: 15 });
  assert.deepEqual([...ranges], [{ first: 10, end: 14 }, { first: 15, end: 20 }, {
    first: 30,
    end: 40,
  }]);
  ranges.remove({ first: 19, end: 31 });
  assert.deepEqual([...ranges], [{ first: 10, end: 14 }, { first: 15, end: 19 }, {
    first: 31,
    end: 40,
  }]);
  assert.equal(ranges.meets({ first: 14, end: 15 }), false);
  assert.equal(ranges.meets({ first: 13, end: 14 }), true);
  assert.deepEqual([...ranges.within({ first: 18, end: 32 })], [{ first: 18, end: 19 }, {
    first: 31,
    end: 32,
  }]);
});
