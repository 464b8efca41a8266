// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import fc from "fast-check";
import { SlotMap, TooManySlotsError } from "./slot_map.ts";

Deno.test("a slot map is a set of slots", () => {
  const command = fc.tuple(
    fc.constantFrom("claim", "free", "meets"),
    fc.nat(1500),
    fc.integer({ min: 1, max: 80 }),
  );
  const bases = fc.constantFrom(0, 2 ** 33, 2 ** 47);
  const units = fc.constantFrom(1, 8);
  fc.assert(fc.property(fc.array(command), bases, units, (commands, base, unit) => {
    const map = new SlotMap(unit, base + 2000 * unit);
    const model = new Set<number>();
    for (const [what, start, length] of commands) {
      const slots = Array.from({ length }, (_, at) => start + at);
      const any = slots.some((slot) => model.has(slot));
      const [first, sectors] = [base + start * unit, length * unit];
      if (what === "claim") {
        assert.equal(map.claim(first, sectors), !any);
        slots.forEach((slot) => model.add(slot));
      } else if (what === "free") {
        map.free(first, sectors);
        slots.forEach((slot) => model.delete(slot));
      } else assert.equal(map.meets(first, sectors), any);
    }
  }));
});

Deno.test("a map of a huge range takes memory for what is in it only, and not without end", () => {
  const map = new SlotMap(1, 2 ** 48);
  for (let at = 0; at < 10_000; at++) assert(map.claim(at * 2 ** 34, 1));
  assert(!map.claim(5 * 2 ** 34, 1));
  const full = new SlotMap(1, 2 ** 48, 2 ** 16);
  assert.throws(() => {
    for (let at = 0; at < 2 ** 12 + 1; at++) full.claim(at * 512, 1);
  }, TooManySlotsError);
});
