// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { cpuUsage } from "node:process";
import fc from "fast-check";
import { IntervalMap } from "./interval_map.ts";

/** A value for each position: what the map has to be equal to. */
class Cells {
  readonly cells: (number | undefined)[] = [];

  assign(start: number, end: number, value: number) {
    const before = Array.from({ length: end - start }, (_, at) => this.cells[start + at]);
    for (let at = start; at < end; at++) this.cells[at] = value;
    return before;
  }
}

function assignBoth(map: IntervalMap, cells: Cells, start: number, end: number, value: number) {
  const events: (number | undefined)[] = [];
  let position = start;
  const cover = (from: number, to: number, was?: number) => {
    assert.equal(from, position, "in order and without holes");
    for (; position < to; position++) events.push(was);
  };
  map.assign(start, end, value, { replaced: cover, gap: cover });
  assert.deepEqual(events, cells.assign(start, end, value));
}

function assertSame(map: IntervalMap, cells: Cells) {
  const all = [...map];
  const seen: (number | undefined)[] = Array.from({ length: cells.cells.length });
  let end = 0;
  for (const interval of all) {
    assert(interval.start >= end && interval.end > interval.start);
    seen.fill(interval.value, interval.start, interval.end);
    end = interval.end;
  }
  assert.deepEqual(seen, Array.from(cells.cells));
}

Deno.test("an interval map holds what was assigned last", () => {
  const range = fc.tuple(fc.nat(200), fc.integer({ min: 1, max: 40 }));
  fc.assert(fc.property(fc.array(range, { maxLength: 60 }), (ranges) => {
    const [map, cells] = [new IntervalMap(), new Cells()];
    ranges.forEach(([start, length], value) =>
      assignBoth(map, cells, start, start + length, value)
    );
    assertSame(map, cells);
  }));
});

Deno.test("an interval map of many chunks holds what was assigned last", () => {
  const [map, cells] = [new IntervalMap(), new Cells()];
  let random = 1;
  const next = (limit: number) => (random = (random * 48271) % 2147483647) % limit;
  for (let value = 0; value < 4000; value++) {
    const start = next(9000);
    assignBoth(map, cells, start, start + 1 + (next(20) === 0 ? next(900) : 0), value);
  }
  assertSame(map, cells);
});

Deno.test("a quarter of a million intervals are quick in any order", () => {
  const map = new IntervalMap();
  const nothing = { replaced: () => {}, gap: () => {} };
  let random = 1;
  const started = cpuUsage().user;
  for (let value = 0; value < 258_000; value++) {
    random = (random * 48271) % 2147483647;
    map.assign(random, random + 1, value, nothing);
  }
  // Time on a processor, whatever else the machine does.
  const seconds = (cpuUsage().user - started) / 1e6;
  assert(seconds < 15, `it took ${seconds.toFixed(1)} s`);
});
