// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { type Dated, kinshipOf, lineageOf, orderOf } from "./order.ts";

const at = (minute: number) => new Date(minute * 60_000).toISOString();
const A = { uuid: "aaaaaaaa-0000-4000-8000-000000000000" };
const B = { uuid: "bbbbbbbb-0000-4000-8000-000000000000", predecessorUuid: A.uuid };
const C = { uuid: "cccccccc-0000-4000-8000-000000000000", predecessorUuid: B.uuid };
const X = { uuid: "eeeeeeee-0000-4000-8000-000000000000" };
const NONE = lineageOf([]);

const one = (changes: Partial<Dated> = {}): Dated => ({
  ...{ id: 5, takenAt: at(5), generation: 7, source: "live", device: A },
  ...changes,
});

const order = (changes: Partial<Dated>, snapshot = one(), lineage = NONE) =>
  orderOf(snapshot, one(changes), lineage);

Deno.test("generations say what is later, unless clock and number both say the opposite", () => {
  assert.equal(order({ generation: 8, takenAt: at(1), id: 9 }), "newer");
  assert.equal(order({ generation: 8, takenAt: at(9), id: 1 }), "newer");
  assert.equal(order({ generation: 8, takenAt: at(1), id: 1 }), "unsure");
  assert.equal(order({ generation: 6, takenAt: at(9), id: 1 }), "older");
  assert.equal(order({ generation: 6, takenAt: at(9), id: 9 }), "unsure");
  assert.equal(order({ generation: 6, takenAt: at(9), id: 9, source: "offline" }), "older");
});

Deno.test("within a generation the longer journal is the later one", () => {
  const snapshot = one({ journalUsed: 4 });
  assert.equal(order({ journalUsed: 5, takenAt: at(1), id: 1 }, snapshot), "newer");
  assert.equal(order({ journalUsed: 3, takenAt: at(9), id: 9 }, snapshot), "older");
  assert.equal(order({ journalUsed: 4, takenAt: at(9), id: 9 }, snapshot), "newer");
  assert.equal(order({ journalUsed: 4, takenAt: at(9), id: 1 }, snapshot), "unsure");
  assert.equal(order({ journalUsed: 4, source: "offline" }, snapshot), "newer");
  assert.equal(order({ journalUsed: 3, source: "offline" }, snapshot), "unsure");
});

Deno.test("clock and number only count together, and not for an image that may be an old copy", () => {
  assert.equal(order({ takenAt: at(6), id: 6 }), "newer");
  assert.equal(order({ takenAt: at(4), id: 4 }), "older");
  assert.equal(order({ takenAt: at(4), id: 6 }), "unsure");
  assert.equal(order({ takenAt: at(6), id: 4 }), "unsure");
  assert.equal(order({ takenAt: at(6), id: 6, source: "offline" }), "unsure");
});

Deno.test("a spare that content moved to is later than the one it came from", () => {
  const lineage = lineageOf([A, B, C]);
  assert.equal(order({ device: C, takenAt: at(1), id: 1, generation: 2 }, one(), lineage), "newer");
  assert.equal(order({ takenAt: at(9), id: 9 }, one({ device: C }), lineage), "older");
  assert.equal(kinshipOf(A, C, lineage), "linked");
  assert.equal(kinshipOf(C, A, lineage), "linked");
  assert.equal(kinshipOf(A, A, lineage), "same");
  assert.equal(kinshipOf(A, X, lineage), "other");
  assert.equal(order({ device: X, takenAt: at(9), id: 9 }, one(), lineage), "newer");
  assert.equal(order({ device: X, takenAt: at(9), id: 1 }, one(), lineage), "unsure");
});

Deno.test("links that lead round in a circle lead nowhere", () => {
  const lineage = lineageOf([
    { uuid: "a", predecessorUuid: "b" },
    { uuid: "b", predecessorUuid: "a" },
  ]);
  assert.equal(kinshipOf({ uuid: "a" }, { uuid: "x" }, lineage), "other");
  const [a, b] = [one({ device: { uuid: "a" } }), one({ device: { uuid: "b" } })];
  assert.deepEqual([orderOf(a, b, lineage), orderOf(b, a, lineage)], ["unsure", "unsure"]);
});
