// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Extent } from "../../metadata/extent.ts";
import type { Place } from "../messages.ts";
import { firstDifference } from "./same_table.ts";

const START = 100n;

/** The slot of each sector, or none; joined as one side or the other would. */
type Table = ReadonlyMap<number, number>;

function* runs(table: Table, joins: boolean): Generator<[number, number, number]> {
  let run: [number, number, number] | undefined;
  for (const [sector, slot] of [...table].sort(([a], [b]) => a - b)) {
    const follows = joins && run !== undefined && run[0] + run[1] === sector &&
      run[2] + run[1] === slot;
    if (follows) run![1]++;
    else {
      if (run !== undefined) yield run;
      run = [sector, 1, slot];
    }
  }
  if (run !== undefined) yield run;
}

async function* placesOf(table: Table, joins: boolean): AsyncGenerator<Place> {
  yield { sector: 0n, count: 1n, place: "pending" };
  for (const [first, length, slot] of runs(table, joins)) {
    const [sector, count, spareSector] = [BigInt(first), BigInt(length), START + BigInt(slot)];
    yield { sector, count, place: slot % 2 === 0 ? "lost" : "remapped", spareSector };
  }
  await Promise.resolve();
}

function extentsOf(table: Table, joins: boolean): Extent[] {
  const extents = [...runs(table, joins)].map(([first, length, slot]): Extent => ({
    first,
    length,
    slot,
    state: slot % 2 === 0 ? "lost" : "remapped",
  }));
  return [...extents, { first: 0, length: 3, slot: 900, state: "bad" }];
}

const tables = fc.uniqueArray(fc.tuple(fc.nat(30), fc.nat(3)), { selector: ([sector]) => sector })
  .map((pairs) => new Map(pairs.map(([sector, shift]) => [sector, 400 + sector + 100 * shift])));

Deno.test("a table is the same as itself, in whatever pieces, and with more in the metadata", async () => {
  await fc.assert(
    fc.asyncProperty(tables, fc.boolean(), fc.boolean(), fc.nat(30), async (table, a, b, extra) => {
      const more = new Map(table);
      if (!more.has(extra)) more.set(extra, 800 + extra);
      for (const disk of [table, more]) {
        const found = await firstDifference(placesOf(table, a), extentsOf(disk, b), START);
        assert.equal(found, undefined);
      }
    }),
  );
});

Deno.test("each part of a run is looked at, not its beginning alone", async () => {
  const live = new Map([[5, 405], [6, 406], [7, 407], [8, 408]]);
  for (const wrong of [5, 6, 7, 8]) {
    for (const slot of [undefined, 900]) {
      const disk = new Map(live);
      if (slot === undefined) disk.delete(wrong);
      else disk.set(wrong, slot);
      const found = await firstDifference(placesOf(live, true), extentsOf(disk, true), START);
      assert.equal(found, BigInt(wrong), `${wrong} in ${slot}`);
    }
  }
});

Deno.test("the first sector that is elsewhere, or nowhere, is found", async () => {
  const picked = tables.filter((table) => table.size > 0)
    .chain((table) =>
      fc.record({ table: fc.constant(table), key: fc.constantFrom(...table.keys()) })
    );
  await fc.assert(
    fc.asyncProperty(picked, fc.boolean(), fc.boolean(), async ({ table, key }, gone, joins) => {
      const disk = new Map(table);
      if (gone) disk.delete(key);
      else disk.set(key, table.get(key)! + 1);
      const found = await firstDifference(placesOf(table, joins), extentsOf(disk, true), START);
      assert.equal(found, BigInt(key));
    }),
  );
});
