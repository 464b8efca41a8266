// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Claim, paint } from "./repair_paint.ts";

const SECTORS = 40;

/** One sector after the other, without any cleverness. */
function slowly(claims: readonly Claim<string>[]): (string | undefined)[] {
  return Array.from(
    { length: SECTORS },
    (_, sector) =>
      claims.filter(({ start, end }) => start <= sector && sector < end)
        .reduce<Claim<string> | undefined>(
          (best, claim) => best === undefined || claim.rank > best.rank ? claim : best,
          undefined,
        )?.of,
  );
}

Deno.test("of each sector the highest claim wins", () => {
  const claim = fc.tuple(fc.nat(SECTORS - 1), fc.integer({ min: 1, max: 12 }));
  fc.assert(fc.property(fc.array(claim, { maxLength: 12 }), (list) => {
    const claims = list.map(([start, length], rank) => ({
      start,
      end: Math.min(SECTORS, start + length),
      rank: (rank * 7) % 13,
      of: `${rank}`,
    }));
    const won: (string | undefined)[] = Array.from({ length: SECTORS });
    let before = 0;
    for (const { start, end, claim } of paint([...claims])) {
      assert.ok(before <= start && start < end);
      for (let sector = start; sector < end; sector++) won[sector] = claim.of;
      before = end;
    }
    assert.deepEqual(won, slowly(claims));
  }));
});

Deno.test("what wins as a whole is one piece", () => {
  const claims = [
    { start: 0, end: 100, rank: 1, of: "long" },
    ...[10, 20, 30].map((start) => ({ start, end: start + 5, rank: 0, of: "below" })),
  ];
  assert.deepEqual([...paint(claims)].map(({ start, end }) => [start, end]), [[0, 100]]);
});
