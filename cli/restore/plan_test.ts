// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import fc from "fast-check";
import { hasSlot } from "../metadata/extent.ts";
import type { SnapshotEntry } from "../store/types.ts";
import { planFates } from "./plan.ts";
import type { Decision, Knowledge, Order, Span } from "./types.ts";
import { kinshipOf, operations, type Seen, World } from "./world.ts";

/** A life, and the snapshot that is restored. */
interface Case {
  readonly world: World;
  readonly snapshot: Seen;
  /** Seen after it, in order. */
  readonly later: readonly Seen[];
  readonly earlier: readonly Seen[];
}

const cases = fc.tuple(operations, fc.nat(), fc.boolean()).map(([list, pick, last]): Case => {
  const world = new World();
  for (const operation of list) world.do(operation);
  const seen = [...world.seen, ...last ? [world.look(false)] : []];
  if (seen.length === 0) seen.push(world.look(true));
  const at = pick % seen.length;
  return {
    world,
    snapshot: seen[at]!,
    earlier: seen.slice(0, at),
    later: seen.slice(at + 1),
  };
});

const asSpans = (sectors: Iterable<number>): Span[] =>
  [...sectors].sort((a, b) => a - b).map((first) => ({ first, length: 1 }));

function known(snapshot: Seen, other: Seen, order: Order): Knowledge {
  const { data, entries } = other;
  const differing = data === undefined || snapshot.data === undefined
    ? []
    : [...data].filter(([sector, content]) =>
      snapshot.data!.has(sector) && snapshot.data!.get(sector) !== content
    ).map(([sector]) => sector);
  return {
    order,
    kinship: kinshipOf(snapshot, other),
    entries,
    differing: asSpans(differing),
  };
}

function plan(
  { snapshot }: Case,
  knowledge: readonly Knowledge[],
  trustSlots = false,
): Map<number, Decision> {
  const { entries, data } = snapshot;
  const content = asSpans(data?.keys() ?? []);
  const decisions = planFates({ entries, content, knowledge, trustSlots });
  return bySector(decisions);
}

function bySector(decisions: readonly Decision[]): Map<number, Decision> {
  const found = new Map<number, Decision>();
  for (const decision of decisions) {
    for (let at = 0; at < decision.length; at++) {
      const first = decision.first + at;
      assert(!found.has(first), "a sector is decided on twice");
      const inSlot = decision.was !== "main" && hasSlot(decision.was);
      const slot = inSlot ? decision.slot + at : 0;
      found.set(first, { ...decision, first, length: 1, slot });
    }
  }
  return found;
}

const entryOf = (seen: Seen, sector: number): SnapshotEntry | undefined =>
  seen.entries.find(({ first }) => first === sector);

/** Does what was seen later show that a sector is not what it was? Said in another way than the plan. */
function isKnownNewer(snapshot: Seen, other: Seen, sector: number): boolean {
  const [then, later] = [entryOf(snapshot, sector), entryOf(other, sector)];
  if (then?.state !== later?.state) return true;
  const kinship = kinshipOf(snapshot, other);
  const inSlot = then !== undefined && then.state !== "pending";
  if (inSlot && (kinship === "other" || kinship === "same" && then.slot !== later?.slot)) {
    return true;
  }
  const [was, is] = [snapshot.data?.get(sector), other.data?.get(sector)];
  return was !== undefined && is !== undefined && was !== is;
}

const isOnMain = (seen: Seen, sector: number) => {
  const state = entryOf(seen, sector)?.state;
  return state === undefined || state === "pending";
};

Deno.test("what is restored is the snapshot's, and all that is known to be newer is lost", () => {
  fc.assert(
    fc.property(cases, (each) => {
      const { world, snapshot, later } = each;
      const fates = plan(each, later.map((seen) => known(snapshot, seen, "newer")));
      const newest = later.at(-1) ?? snapshot;
      for (const sector of world.places.keys()) {
        const decision = fates.get(sector);
        const newer = later.some((seen) => isKnownNewer(snapshot, seen, sector));
        const has = snapshot.data?.has(sector) === true;
        if (isOnMain(newest, sector)) {
          const pending = entryOf(newest, sector) !== undefined;
          const moot = !pending && entryOf(snapshot, sector) === undefined;
          assert.equal(decision?.fate, pending ? "pending" : moot ? undefined : "main");
        } else {
          assert.equal(decision?.fate, newer || !has ? "lost" : "content");
        }
        assert.equal(decision?.slot ?? 0, entryOf(snapshot, sector)?.slot ?? 0);
      }
    }),
    { numRuns: 3000 },
  );
});

Deno.test("with the last table known, main is only left to sectors whose last write lies there", () => {
  fc.assert(
    fc.property(cases, fc.boolean(), (each, withData) => {
      const { world, snapshot, later } = each;
      const last = world.look(withData);
      const fates = plan(each, [...later, last].map((seen) => known(snapshot, seen, "newer")));
      for (const [sector, truth] of world.truth.entries()) {
        const fate = fates.get(sector)?.fate ?? "main";
        if (fate === "main" || fate === "pending") assert.equal(world.main[sector], truth);
        if (fate === "content" && withData) assert.equal(snapshot.data?.get(sector), truth);
      }
    }),
    { numRuns: 3000 },
  );
});

Deno.test("tables of an unknown time make sectors lost, and never anything else", () => {
  const shuffled = fc.tuple(cases, fc.infiniteStream(fc.boolean()), fc.boolean());
  fc.assert(
    fc.property(shuffled, ([each, stream, lastIsSure]) => {
      const { world, snapshot, later, earlier } = each;
      const last = world.look(false);
      const sure: Knowledge[] = [];
      const unsure = earlier.map((seen) => known(snapshot, seen, "unsure"));
      for (const seen of later) {
        if (stream.next().value) sure.push(known(snapshot, seen, "newer"));
        else unsure.push(known(snapshot, seen, "unsure"));
      }
      if (lastIsSure) sure.push(known(snapshot, last, "newer"));
      else unsure.push(known(snapshot, last, "unsure"));
      const fates = plan(each, [...sure, ...unsure]);
      for (const [sector, truth] of world.truth.entries()) {
        const fate = fates.get(sector)?.fate ?? "main";
        if (fate === "main" || fate === "pending") assert.equal(world.main[sector], truth);
        if (fate === "content") {
          assert([...later, last].every((seen) => !isKnownNewer(snapshot, seen, sector)));
        }
      }
    }),
    { numRuns: 3000 },
  );
});

Deno.test("a slot of the snapshot's spare is compared, though the content has moved on since", () => {
  const at = (slot: number): SnapshotEntry[] => [{ first: 7, length: 1, state: "remapped", slot }];
  const moved: Knowledge = { order: "newer", kinship: "linked", entries: at(0) };
  const fateWith = (slot: number) => {
    // Nobody knows whether this was before the snapshot, or between it and the move.
    const between: Knowledge = { order: "unsure", kinship: "same", entries: at(slot) };
    const knowledge = [between, moved];
    const content = asSpans([7]);
    return planFates({ entries: at(1), content, knowledge, trustSlots: false })[0];
  };
  assert.deepEqual([fateWith(1)?.fate, fateWith(1)?.reason], ["content", "snapshot"]);
  assert.deepEqual([fateWith(2)?.fate, fateWith(2)?.reason], ["lost", "moved"]);
});

Deno.test("slots that are trusted hold the last write of their sectors", () => {
  fc.assert(
    fc.property(cases, (each) => {
      const { world, snapshot, later } = each;
      const last = world.look(false);
      const knowledge = [...later, last].map((seen) => known(snapshot, seen, "newer"));
      const fates = plan(each, knowledge, true);
      for (const [sector, truth] of world.truth.entries()) {
        const decision = fates.get(sector);
        if (decision?.fate === "kept") assert.equal(world.slots[decision.slot], truth);
        const [then, now] = [entryOf(snapshot, sector), entryOf(last, sector)];
        const agreed = then?.state === "remapped" && now?.state === "remapped" &&
          then.slot === now.slot && kinshipOf(snapshot, last) === "same";
        assert.equal(decision?.fate === "kept", agreed);
      }
    }),
    { numRuns: 3000 },
  );
});

Deno.test("a sector that the user names is lost, wherever it was", () => {
  const entries: SnapshotEntry[] = [
    { first: 10, length: 10, state: "remapped", slot: 100 },
    { first: 30, length: 4, state: "pending", slot: 0 },
  ];
  const content = [{ first: 10, length: 10 }];
  const named = [{ first: 8, length: 4 }, { first: 31, length: 1 }];
  const decisions = planFates({ entries, content, named, knowledge: [], trustSlots: false });
  assert.deepEqual(
    decisions.map(({ first, length, fate, reason }) => [first, length, fate, reason]),
    [
      [8, 2, "lost", "named"],
      [10, 2, "lost", "named"],
      [12, 8, "content", "snapshot"],
      [30, 1, "pending", "snapshot"],
      [31, 1, "lost", "named"],
      [32, 2, "pending", "snapshot"],
    ],
  );
});

Deno.test("what cannot be read on main stays pending, whoever says so", () => {
  const entries: SnapshotEntry[] = [{ first: 5, length: 1, state: "wrong", slot: 0 }];
  const unsure: Knowledge = {
    order: "unsure",
    kinship: "same",
    entries: [{ first: 0, length: 4, state: "pending", slot: 0 }],
  };
  const gone: Knowledge = { ...unsure, order: "newer", entries: [] };
  const fates = (knowledge: readonly Knowledge[]) =>
    planFates({ entries, content: [], knowledge, trustSlots: false })
      .map(({ first, length, fate, reason }) => [first, length, fate, reason]);
  assert.deepEqual(fates([]), [[5, 1, "wrong", "snapshot"]]);
  assert.deepEqual(fates([gone]), [[5, 1, "main", "on-main"]]);
  assert.deepEqual(fates([unsure]), [[0, 4, "pending", "on-main"], [5, 1, "wrong", "snapshot"]]);
  assert.deepEqual(fates([unsure, gone]), [[0, 4, "pending", "on-main"], [
    ...[5, 1, "main", "on-main"],
  ]]);
});

Deno.test("a table that began anew has relocated anew, even if its time is not known", () => {
  const entries: SnapshotEntry[] = [{ first: 5, length: 1, state: "remapped", slot: 90 }];
  for (const order of ["newer", "unsure"] as const) {
    const fates = planFates({
      entries,
      content: [{ first: 5, length: 1 }],
      knowledge: [{ order, kinship: "other", entries }],
      trustSlots: true,
    });
    assert.deepEqual(fates.map(({ fate }) => fate), ["lost"]);
  }
});

Deno.test("of a table in parts, only what it says counts", () => {
  const run = (first: number, length: number, slot: number): SnapshotEntry => ({
    ...{ first, length, slot, state: "remapped" },
  });
  const entries = [run(0, 4, 100), run(10, 4, 110), run(20, 4, 120)];
  // Sector 30 has the slot of sector 21, and sector 10 is where it was.
  const parts: Knowledge = {
    ...{ order: "unsure", kinship: "same", partial: true },
    entries: [run(10, 2, 110), run(12, 1, 190), run(30, 1, 121)],
  };
  for (const trustSlots of [true, false]) {
    const content = [{ first: 0, length: 30 }];
    const fates = planFates({ entries, content, knowledge: [parts], trustSlots });
    const fine = trustSlots ? "kept" : "content";
    assert.deepEqual(
      fates.map(({ first, length, fate, reason }) => [first, length, fate, reason]),
      [
        [0, 4, fine, trustSlots ? "slot-agrees" : "snapshot"],
        [10, 2, fine, trustSlots ? "slot-agrees" : "snapshot"],
        [12, 1, "lost", "moved"],
        [13, 1, fine, trustSlots ? "slot-agrees" : "snapshot"],
        [20, 1, fine, trustSlots ? "slot-agrees" : "snapshot"],
        [21, 1, "lost", "slot-taken"],
        [22, 2, fine, trustSlots ? "slot-agrees" : "snapshot"],
        [30, 1, "lost", "relocated"],
      ],
    );
  }
});

Deno.test("what was wrong on main stays so, though a live table only calls it pending", () => {
  const entries: SnapshotEntry[] = [{ first: 5, length: 1, state: "wrong", slot: 0 }];
  const live: Knowledge = {
    ...{ order: "newer", kinship: "same" },
    entries: [{ first: 5, length: 1, state: "pending", slot: 0 }],
  };
  const fates = planFates({ entries, content: [], knowledge: [live], trustSlots: false });
  assert.deepEqual(fates.map(({ fate }) => fate), ["wrong"]);
});
