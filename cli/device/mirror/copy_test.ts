// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Extent } from "../../metadata/extent.ts";
import { copySpans } from "./copy.ts";
import { RangeSet } from "./range_set.ts";
import { piecesOf, type Source } from "./source.ts";

const SECTOR = 512;

/** A disk of which some blocks cannot be read; each sector is filled with its number. */
function badDisk(bad: ReadonlySet<number>, unit: number): Source {
  return {
    read(first, count) {
      for (let sector = first; sector < first + count; sector++) {
        if (bad.has(Math.floor(sector / unit))) return Promise.resolve(undefined);
      }
      const content = new Uint8Array(count * SECTOR);
      for (let i = 0; i < count; i++) {
        content.fill((first + i) % 251 + 1, i * SECTOR, (i + 1) * SECTOR);
      }
      return Promise.resolve(content);
    },
  };
}

Deno.test("all that can be read arrives, the rest is missing, block by block", async () => {
  const disk = fc.record({
    unit: fc.constantFrom(1, 8),
    bad: fc.uniqueArray(fc.nat(1200), { maxLength: 6 }),
  });
  await fc.assert(
    fc.asyncProperty(disk, async ({ unit, bad }) => {
      const length = 5000 - 5000 % unit;
      const target = new Uint8Array(length * SECTOR).fill(255);
      const missing = new RangeSet([{ first: 0, end: 40 }]);
      let copied = 0;
      await copySpans({
        source: badDisk(new Set(bad), unit),
        destination: {
          write(first, content) {
            target.set(content, first * SECTOR);
            return Promise.resolve();
          },
          flush: () => Promise.resolve(),
        },
        unit,
        missing,
        onCopied: (sectors) => copied += sectors,
      }, [{ first: 0, end: length }]);
      assert.equal(copied, length);
      for (let sector = 0; sector < length; sector++) {
        const isBad = bad.includes(Math.floor(sector / unit));
        assert.equal(missing.meets({ first: sector, end: sector + 1 }), isBad, `sector ${sector}`);
        assert.equal(target[sector * SECTOR], isBad ? 0 : sector % 251 + 1, `sector ${sector}`);
      }
    }),
    { numRuns: 30 },
  );
});

Deno.test("the first failure ends the copy, and an interrupt does", async () => {
  const failing = {
    source: badDisk(new Set(), 1),
    destination: {
      write: () => Promise.reject(new Error("full of holes")),
      flush: () => Promise.resolve(),
    },
    unit: 1,
    missing: new RangeSet(),
  };
  const whole = [{ first: 0, end: 10_000 }];
  await assert.rejects(copySpans(failing, whole), /full of holes/);
  const signal = AbortSignal.abort(new Error("enough"));
  const writes: number[] = [];
  const destination = {
    write: (first: number) => Promise.resolve(void writes.push(first)),
    flush: () => Promise.resolve(),
  };
  await assert.rejects(copySpans({ ...failing, destination, signal }, whole), /enough/);
  assert.deepEqual(writes, []);
});

Deno.test("a range is read from where the table says", () => {
  const entries: Extent[] = [
    { first: 10, length: 4, slot: 100, state: "remapped" },
    { first: 14, length: 2, slot: 200, state: "lost" },
    { first: 20, length: 5, slot: 0, state: "pending" },
  ];
  assert.deepEqual(piecesOf(entries, 8, 14), [
    { first: 8, count: 2, place: "main", at: 8 },
    { first: 10, count: 4, place: "slot", at: 100 },
    { first: 14, count: 2, place: "none", at: 200 },
    { first: 16, count: 4, place: "main", at: 16 },
    { first: 20, count: 2, place: "none", at: 20 },
  ]);
  assert.deepEqual(piecesOf(entries, 12, 1), [{ first: 12, count: 1, place: "slot", at: 102 }]);
  assert.deepEqual(piecesOf(entries, 25, 3), [{ first: 25, count: 3, place: "main", at: 25 }]);
});
