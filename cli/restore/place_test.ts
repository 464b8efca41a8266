// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import fc from "fast-check";
import { MemoryImage } from "../metadata/image.ts";
import { layoutOf } from "../metadata/layout.ts";
import { loadMetadata } from "../metadata/load.ts";
import { writeMetadata } from "../metadata/write.ts";
import { extentsOf, leastSpare, place } from "./place.ts";
import type { Decision } from "./types.ts";

const MAIN_SECTORS = 2 ** 20;

/** Runs with gaps between them, in whole blocks. */
const runs = fc.array(
  fc.record({
    gap: fc.nat(20),
    length: fc.integer({ min: 1, max: 40 }),
    fate: fc.constantFrom("content", "lost", "pending", "wrong", "main", "kept"),
  }),
  { maxLength: 30, size: "max" },
);

function decisionsOf(list: readonly { gap: number; length: number; fate: string }[], unit: number) {
  let [at, slot] = [0, 4096];
  return list.map(({ gap, length, fate }): Decision => {
    const first = at + gap * unit;
    at = first + length * unit;
    slot += length * unit;
    return {
      ...{ first, length: length * unit, slot: slot - length * unit },
      ...{ fate: fate as Decision["fate"], reason: "snapshot", by: -1, was: "remapped" },
    };
  });
}

Deno.test("every run gets slots of its own, in the least range that is said to hold it all", () => {
  fc.assert(fc.property(runs, fc.constantFrom(1, 8), (list, blockSectors) => {
    const decisions = decisionsOf(list, blockSectors);
    const spareSectors = leastSpare(decisions, blockSectors);
    const options = { inPlace: false, bad: [] };
    const smaller = { spareSectors: spareSectors - blockSectors, blockSectors };
    assert.equal(place(decisions, smaller, options), undefined);
    const placement = place(decisions, { spareSectors, blockSectors }, options);
    assert(placement !== undefined);
    const image = new MemoryImage(spareSectors * 512);
    const geometry = {
      ...{ mainStart: 0, mainSectors: MAIN_SECTORS, mainDeviceSectors: MAIN_SECTORS },
      ...{ spareStart: 0, spareSectors, spareDeviceSectors: spareSectors, blockSectors },
    };
    // The writer refuses slots that are used twice or lie outside.
    writeMetadata(image, { ...geometry, uuid: crypto.randomUUID() }, extentsOf(placement));
    const { superblock } = loadMetadata(image);
    const count = (...fates: string[]) =>
      decisions.filter(({ fate }) => fates.includes(fate))
        .reduce((sum, { length }) => sum + length, 0);
    assert.deepEqual(
      [superblock.remapped, superblock.lost, superblock.pending],
      [count("content", "kept", "lost"), count("lost"), count("pending", "wrong")],
    );
  }));
});

Deno.test("with room enough, runs lie as their sectors do within 4 KiB", () => {
  fc.assert(fc.property(runs, (list) => {
    const decisions = decisionsOf(list, 1);
    const range = { spareSectors: 2 * leastSpare(decisions, 1) + 1024, blockSectors: 1 };
    const placement = place(decisions, range, { inPlace: false, bad: [] });
    for (const { first, slot, fate } of placement?.placed ?? []) {
      if (fate !== "pending" && fate !== "wrong") assert.equal(slot % 8, first % 8);
    }
  }));
});

Deno.test("in place, what is kept stays, and nothing else gets its slots or bad ones", () => {
  fc.assert(fc.property(runs, fc.constantFrom(1, 8), (list, blockSectors) => {
    const decisions = decisionsOf(list, blockSectors);
    const range = { spareSectors: 2 ** 17, blockSectors };
    const { slotsStart } = layoutOf(range.spareSectors, blockSectors);
    const shifted = decisions.map((each) => ({ ...each, slot: each.slot + slotsStart }));
    const bad = [{ slot: slotsStart + 2 * blockSectors, length: 3 * blockSectors }];
    const placement = place(shifted, range, { inPlace: true, bad });
    assert(placement !== undefined);
    const used = new Set<number>();
    for (const { slot, length } of bad) for (let at = 0; at < length; at++) used.add(slot + at);
    for (const { slot, length, fate, from } of placement.placed) {
      if (fate === "pending" || fate === "wrong") continue;
      if (fate === "kept") assert.equal(slot, from);
      for (let at = 0; at < length; at++) {
        assert(!used.has(slot + at), `slot ${slot + at} is used twice`);
        used.add(slot + at);
      }
    }
  }));
});
