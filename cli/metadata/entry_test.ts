// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import {
  addToTotals,
  BAD,
  EntryChecker,
  LOST,
  MAIN,
  OrderChecker,
  PENDING,
  REMAPPED,
  STATES,
  UNREADABLE,
  WRONG,
  WRONG_SLOT,
} from "./entry.ts";
import { layoutOf } from "./layout.ts";

const BOUNDS = { blockSectors: 8, mainSectors: 100_000, spareSectors: 2 ** 16 };
const { slotsStart, slots } = layoutOf(BOUNDS.spareSectors, BOUNDS.blockSectors);
const END = slotsStart + slots;

const check = (first: number, length: number, slot: number, state: number) =>
  new EntryChecker(BOUNDS, "checkpoint").problem(first, length, slot, state);

Deno.test("a slot lies behind the metadata, and ends with the range", () => {
  for (const state of [REMAPPED, LOST, UNREADABLE, WRONG_SLOT, BAD]) {
    for (const [slot, length] of [[slotsStart, 8], [END - 8, 8], [slotsStart, slots]] as const) {
      assert.equal(check(0, length, slot, state), undefined, `${state}: ${slot}+${length}`);
    }
    for (const [slot, length] of [[slotsStart - 8, 8], [END - 8, 16], [END, 8], [0, 8]] as const) {
      assert.equal(check(0, length, slot, state), "slot out of range", `${state}: ${slot}`);
    }
  }
});

Deno.test("sectors end with main, and what is on main has no slot", () => {
  const last = BOUNDS.mainSectors - 8;
  for (const state of [PENDING, WRONG]) {
    assert.equal(check(last, 8, 0, state), undefined);
    assert.equal(check(last, 16, 0, state), "entry past the end of main");
    assert.equal(check(0, 8, slotsStart, state), "slot for a sector on main");
  }
  assert.equal(check(last, 8, slotsStart, REMAPPED), undefined);
  assert.equal(check(last, 16, slotsStart, REMAPPED), "entry past the end of main");
  assert.equal(check(8, 8, slotsStart, BAD), "bad slots with a sector of main");
});

Deno.test("entries are whole logical blocks, in a state that has a name there", () => {
  for (const [first, length, slot] of [[4, 8, 0], [8, 4, 0], [8, 8, 4], [8, 0, 0]] as const) {
    const problem = check(first, length, slotsStart + slot, REMAPPED);
    assert.equal(problem, "entry is not whole logical blocks", `${first}+${length}`);
  }
  assert.equal(check(8, 8, 0, STATES), "entry of unknown state");
  assert.equal(check(8, 8, 0, MAIN), "entry of unknown state", "only a journal takes back");
  assert.equal(new EntryChecker(BOUNDS, "journal").problem(8, 8, 0, MAIN), undefined);
});

Deno.test("entries may touch, and not overlap; bad slots come last", () => {
  const order = (...entries: [first: number, length: number, slot: number, bad: boolean][]) => {
    const checker = new OrderChecker();
    return entries.map((entry) => checker.problem(...entry)).at(-1);
  };
  const overlap = "entries overlap or do not ascend";
  assert.equal(order([0, 8, 0, false], [8, 8, 0, false]), undefined);
  assert.equal(order([0, 9, 0, false], [8, 8, 0, false]), overlap);
  assert.equal(order([8, 8, 0, false], [0, 8, 0, false]), overlap);
  assert.equal(order([8, 8, 0, false], [0, 8, 0, true]), undefined);
  assert.equal(order([0, 8, 64, true], [0, 8, 72, true]), undefined);
  assert.equal(order([0, 9, 64, true], [0, 8, 72, true]), overlap);
  assert.equal(order([0, 8, 64, true], [80, 8, 0, false]), "sectors behind the bad slots");
});

Deno.test("each state counts where the kernel counts it", () => {
  const counted = Array.from({ length: STATES }, (_, state) => {
    const totals = { remapped: 0, lost: 0, pending: 0, bad: 0 };
    addToTotals(totals, 3, state);
    return Object.entries(totals).flatMap(([key, count]) => count === 0 ? [] : `${key} ${count}`)
      .join(", ");
  });
  assert.deepEqual(counted, [
    "",
    "remapped 3",
    "remapped 3, lost 3",
    "pending 3",
    "remapped 3, lost 3",
    "bad 3",
    "pending 3",
    "remapped 3, lost 3",
  ]);
});
