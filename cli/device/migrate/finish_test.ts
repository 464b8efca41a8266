// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import fc from "fast-check";
import type { SectorRange } from "../sectors.ts";
import { newlyLost } from "./finish.ts";

function ranges(sectors: ReadonlySet<number>): SectorRange[] {
  const found: SectorRange[] = [];
  for (const sector of [...sectors].sort((a, b) => a - b)) {
    const last = found.at(-1);
    if (last !== undefined && last.first + last.count === BigInt(sector)) {
      found[found.length - 1] = { first: last.first, count: last.count + 1n };
    } else found.push({ first: BigInt(sector), count: 1n });
  }
  return found;
}

Deno.test("what is lost now and was not before", () => {
  const set = fc.uniqueArray(fc.nat(40)).map((sectors) => new Set(sectors));
  fc.assert(fc.property(set, set, (before, after) => {
    const found = newlyLost(ranges(before), ranges(after));
    const sectors = found.flatMap(({ first, count }) =>
      Array.from({ length: Number(count) }, (_, at) => Number(first) + at)
    );
    assert.deepEqual(sectors, [...after.difference(before)].sort((a, b) => a - b));
  }));
});
