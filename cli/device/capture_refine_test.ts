// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Extent, type ExtentState, hasSlot, shownAs } from "../metadata/extent.ts";
import type { SnapshotEntry, SnapshotState } from "../store/types.ts";
import { asEntry, refine } from "./capture_refine.ts";
import { ProtocolError } from "./errors.ts";
import type { RemapTable } from "./table_line.ts";

const STATES: readonly ExtentState[] = [
  ...["remapped", "lost", "pending", "unreadable", "wrong", "wrong_slot"] as const,
];

/** A table: gaps, lengths and states, slots one behind the other. */
const table = fc.array(
  fc.record({
    gap: fc.integer({ min: 0, max: 5 }),
    length: fc.integer({ min: 1, max: 6 }),
    state: fc.constantFrom(...STATES),
  }),
  { maxLength: 20 },
).map((runs) => {
  let [at, slot] = [0, 1000];
  return runs.map(({ gap, length, state }): Extent => {
    const first = at + gap;
    at = first + length;
    slot += length;
    return { first, length, state, slot: hasSlot(state) ? slot - length : 0 };
  });
});

/** As the kernel's replies tell of it. */
function live(extents: readonly Extent[]): SnapshotEntry[] {
  return extents.map((extent) => ({ ...extent, state: shownAs(extent.state) as SnapshotState }));
}

function sectors(entries: readonly (Extent | SnapshotEntry)[]): Map<number, string> {
  return new Map(
    entries.flatMap(({ first, length, state, slot }) =>
      Array.from({ length }, (_, i) => [first + i, `${state} ${hasSlot(state) ? slot + i : 0}`])
    ),
  );
}

Deno.test("metadata that is up to date is taken word for word, its bad slots as well", () => {
  fc.assert(fc.property(table, fc.boolean(), (extents, verifies) => {
    const bad: Extent[] = [5, 6, 9].map((slot) => ({ first: 0, length: 1, slot, state: "bad" }));
    const { entries, badSlots } = refine(live(extents), [...extents, ...bad], verifies);
    assert.deepEqual(sectors(entries), sectors(extents));
    assert.deepEqual(badSlots, [{ slot: 5, length: 2 }, { slot: 9, length: 1 }]);
  }));
});

Deno.test("metadata of another time never changes where a sector is, or whether it can be read", () => {
  fc.assert(fc.property(table, table, (extents, others) => {
    const known = live(extents);
    const shown = (entry: SnapshotEntry) => ({
      ...entry,
      state: shownAs(entry.state) as SnapshotState,
    });
    const { entries } = refine(known, others, false);
    assert.deepEqual(sectors(entries.map(shown)), sectors(known));
  }));
});

Deno.test("a state that is told of another slot does not count", () => {
  const known: SnapshotEntry[] = [{ first: 10, length: 2, state: "lost", slot: 500 }];
  const stored: Extent[] = [
    { first: 10, length: 1, state: "unreadable", slot: 500 },
    { first: 11, length: 1, state: "unreadable", slot: 600 },
  ];
  assert.deepEqual(refine(known, stored, false).entries, [
    { first: 10, length: 1, state: "unreadable", slot: 500 },
    { first: 11, length: 1, state: "lost", slot: 501 },
  ]);
});

Deno.test("a run of the live table may be several of the metadata, and partly unknown to it", () => {
  const known: SnapshotEntry[] = [{ first: 10, length: 4, state: "lost", slot: 500 }];
  const stored: Extent[] = [{ first: 12, length: 1, state: "unreadable", slot: 502 }];
  assert.deepEqual(refine(known, stored, false).entries, [
    { first: 10, length: 2, state: "lost", slot: 500 },
    { first: 12, length: 1, state: "unreadable", slot: 502 },
    { first: 13, length: 1, state: "lost", slot: 503 },
  ]);
});

Deno.test("places on the spare count from the start of its range", () => {
  const line = { spareStart: 64n } as RemapTable;
  const lost = { sector: 5n, count: 2n, place: "lost", spareSector: 1064n } as const;
  assert.deepEqual(asEntry(lost, line), { first: 5, length: 2, state: "lost", slot: 1000 });
  const pending = { sector: 5n, count: 2n, place: "pending" } as const;
  assert.deepEqual(asEntry(pending, line), { first: 5, length: 2, state: "pending", slot: 0 });
  assert.throws(() => asEntry({ sector: 5n, count: 2n, place: "main" }, line), ProtocolError);
});
