// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import fc from "fast-check";
import { areasOf, firstBeyond, placeAreas, SECTOR_BYTES } from "./place.ts";

const bytes = fc.record({ start: fc.bigInt(0n, 100_000n), length: fc.bigInt(1n, 20_000n) });

Deno.test("a sector is named if and only if a byte of its logical block is bad", () => {
  fc.assert(fc.property(
    fc.array(bytes, { maxLength: 12 }),
    fc.constantFrom(1n, 2n, 8n),
    fc.bigInt(0n, 20n),
    fc.bigInt(1n, 20n),
    (areas, blockSectors, start, blocks) => {
      const length = blocks * blockSectors;
      const { ranges, sectors } = placeAreas(areas, { start, length, blockSectors });
      const named = ranges.flatMap(({ first, count }) =>
        Array.from({ length: Number(count) }, (_, index) => first + BigInt(index))
      );
      const wanted: bigint[] = [];
      for (let sector = 0n; sector < length; sector++) {
        const block = sector / blockSectors * blockSectors;
        const from = (block + start) * SECTOR_BYTES;
        const end = from + blockSectors * SECTOR_BYTES;
        if (areas.some((area) => area.start < end && area.start + area.length > from)) {
          wanted.push(sector);
        }
      }
      assert.deepEqual(named, wanted);
      assert.equal(sectors, BigInt(wanted.length));
      for (const [index, { first }] of ranges.entries()) {
        const before = ranges[index - 1];
        if (before !== undefined) assert.ok(before.first + before.count < first);
      }
    },
  ));
});

Deno.test("what lies elsewhere is counted", () => {
  const frame = { start: 8n, length: 16n, blockSectors: 8n };
  const areas = [
    { start: 0n, length: 512n },
    { start: 7n * 512n, length: 1024n },
    { start: 9n * 512n, length: 512n },
    { start: 23n * 512n, length: 4096n },
    { start: 99n * 512n, length: 512n },
  ];
  assert.deepEqual(placeAreas(areas, frame), {
    ranges: [{ first: 0n, count: 16n }],
    sectors: 16n,
    elsewhere: 4,
  });
});

Deno.test("sectors written as bytes come back", () => {
  fc.assert(fc.property(
    fc.uniqueArray(fc.bigInt(0n, 50n), { maxLength: 20 }),
    fc.bigInt(0n, 2n ** 40n),
    (singles, start) => {
      const ranges = singles.map((first) => ({ first, count: 1n }));
      const placed = placeAreas(areasOf(ranges, start), { start, length: 51n, blockSectors: 1n });
      assert.equal(placed.sectors, BigInt(singles.length));
      assert.equal(placed.elsewhere, 0);
    },
  ));
});

Deno.test("only the last block may reach past the end", () => {
  const size = 10_000n;
  assert.equal(firstBeyond([{ start: 8192n, length: 4096n }], size, 4096n), undefined);
  assert.notEqual(firstBeyond([{ start: 8192n, length: 8192n }], size, 4096n), undefined);
  assert.notEqual(firstBeyond([{ start: 10_000n, length: 1n }], size, 4096n), undefined);
  assert.equal(firstBeyond([{ start: 9_999n, length: 1n }], size, 1n), undefined);
  assert.notEqual(firstBeyond([{ start: 9_999n, length: 2n }], size, 1n), undefined);
});
