// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import fc from "fast-check";
import { hasSlot } from "../metadata/extent.ts";
import { asShown, type Change, type ChangeKind, diffEntries, summarize } from "./diff.ts";
import { anyEntries, SLOTS } from "./fixture.ts";
import type { SnapshotEntry, SnapshotState } from "./types.ts";

function run(state: SnapshotState, first = 10, length = 4, slot = SLOTS): SnapshotEntry {
  return { first, length, state, slot: hasSlot(state) ? slot : 0 };
}

function diff(before: readonly SnapshotEntry[], after: readonly SnapshotEntry[]): Change[] {
  return [...diffEntries(before, after)];
}

const KINDS: readonly (readonly [
  SnapshotEntry | undefined,
  SnapshotEntry | undefined,
  ChangeKind,
])[] = [
  [undefined, run("remapped"), "relocated"],
  [undefined, run("lost"), "lost"],
  [undefined, run("pending"), "pending"],
  [undefined, run("wrong"), "pending"],
  [run("remapped"), undefined, "returned"],
  [run("lost"), undefined, "returned"],
  [run("pending"), undefined, "found"],
  [run("remapped"), run("remapped", 10, 4, SLOTS + 8), "moved"],
  [run("remapped"), run("lost"), "lost"],
  [run("remapped"), run("unreadable"), "lost"],
  [run("remapped"), run("pending"), "pending"],
  [run("lost"), run("remapped"), "found"],
  [run("lost"), run("remapped", 10, 4, SLOTS + 8), "found"],
  [run("pending"), run("remapped"), "found"],
  [run("pending"), run("lost"), "moved"],
  [run("lost"), run("lost", 10, 4, SLOTS + 8), "moved"],
  [run("lost"), run("wrong_slot"), "marked"],
  [run("pending"), run("wrong"), "marked"],
];

for (const [before, after, kind] of KINDS) {
  const name = (entry: SnapshotEntry | undefined) =>
    entry === undefined ? "main" : `${entry.state}@${entry.slot}`;
  Deno.test(`${name(before)} -> ${name(after)} is ${kind}`, () => {
    const changes = diff(before ? [before] : [], after ? [after] : []);
    const place = (entry: SnapshotEntry) => ({ state: entry.state, slot: entry.slot });
    assert.deepEqual(changes, [{
      first: 10,
      length: 4,
      kind,
      ...before && { before: place(before) },
      ...after && { after: place(after) },
    }]);
  });
}

Deno.test("runs that overlap in part are cut where they differ, and joined where they do not", () => {
  const before = [run("remapped", 10, 10, 5000), run("pending", 30, 5)];
  const after = [run("remapped", 8, 6, 4998), run("remapped", 14, 4, 6000), run("pending", 31, 2)];
  assert.deepEqual(
    diff(before, after).map(({ first, length, kind }) => [first, length, kind]),
    [
      [8, 2, "relocated"],
      [14, 4, "moved"],
      [18, 2, "returned"],
      [30, 1, "found"],
      [33, 2, "found"],
    ],
  );
});

Deno.test("a table in the kernel's words differs only where the kernel would tell", () => {
  const disk = [run("unreadable"), run("wrong", 20), run("wrong_slot", 30, 2, SLOTS + 8)];
  const live = [run("lost"), run("pending", 20), run("lost", 30, 2, SLOTS + 8)];
  assert.equal(diff(disk, live).length, 3);
  assert.deepEqual([...diffEntries(asShown(disk), asShown(live))], []);
});

Deno.test("a summary counts sectors", () => {
  const changes = diff([run("remapped", 0, 3)], [run("lost", 0, 2), run("pending", 9, 5)]);
  const none = { relocated: 0, moved: 0, found: 0, marked: 0 };
  assert.deepEqual(summarize(changes), { ...none, lost: 2, pending: 5, returned: 1 });
});

Deno.test("sources are closed, even if nobody wants the rest", () => {
  let closed = 0;
  function* source(state: SnapshotState) {
    try {
      for (let first = 0;; first += 2) yield run(state, first, 1);
    } finally {
      closed++;
    }
  }
  for (const _change of diffEntries(source("remapped"), source("lost"))) break;
  assert.equal(closed, 2);
});

/** Where every sector is: what a table means. */
function sectorsOf(entries: Iterable<SnapshotEntry>): Map<number, string> {
  const sectors = new Map<number, string>();
  for (const { first, length, state, slot } of entries) {
    for (let at = 0; at < length; at++) {
      sectors.set(first + at, `${state} ${slot === 0 ? 0 : slot + at}`);
    }
  }
  return sectors;
}

Deno.test("the changes are exactly the sectors that are elsewhere", () => {
  fc.assert(fc.property(anyEntries(), anyEntries(), (before, after) => {
    const [old, young] = [sectorsOf(before), sectorsOf(after)];
    const changes = diff(before, after);
    const seen = new Set<number>();
    for (const { first, length, before: from, after: to } of changes) {
      for (let at = 0; at < length; at++) {
        const sector = first + at;
        const word = (place: typeof from) =>
          place && `${place.state} ${place.slot === 0 ? 0 : place.slot + at}`;
        assert.equal(word(from), old.get(sector));
        assert.equal(word(to), young.get(sector));
        assert.notEqual(word(from), word(to));
        assert(!seen.has(sector), "told twice");
        seen.add(sector);
      }
    }
    for (const sector of new Set([...old.keys(), ...young.keys()])) {
      if (old.get(sector) !== young.get(sector)) assert(seen.has(sector), "not told");
    }
    const firsts = changes.map(({ first }) => first);
    assert.deepEqual(firsts, firsts.toSorted((a, b) => a - b));
  }));
});

Deno.test("no table differs from itself, in whatever pieces it comes", () => {
  fc.assert(fc.property(anyEntries(), (entries) => {
    const single = entries.flatMap(({ first, length, state, slot }) =>
      Array.from({ length }, (_, at) => ({
        first: first + at,
        length: 1,
        state,
        slot: slot === 0 ? 0 : slot + at,
      }))
    );
    assert.deepEqual(diff(entries, single), []);
    assert.deepEqual(diff(single, entries), []);
    // As few runs as there are: the same changes, whatever the pieces.
    assert.deepEqual(diff([], single), diff([], entries));
  }));
});
