// SPDX-License-Identifier: GPL-2.0-only
// Random histories: what is loaded is what their steps give one after the other.
import assert from "node:assert/strict";
import fc from "fast-check";
import { checkMetadata } from "./check.ts";
import { type Extent, EXTENT_STATES, type ExtentState, hasSlot } from "./extent.ts";
import { FakeKernel } from "./fake_kernel.ts";
import { loadMetadata } from "./load.ts";

/** A table by sectors, as the kernel replays it. */
class Model {
  readonly sectors = new Map<number, [ExtentState, number]>();
  readonly bad = new Set<number>();

  apply({ first, length, slot, state }: Extent): void {
    for (let at = 0; at < length; at++) {
      if (state === "bad") this.bad.add(slot + at);
      else if (state === "main") this.sectors.delete(first + at);
      else this.sectors.set(first + at, [state, hasSlot(state) ? slot + at : 0]);
    }
  }

  isFree(slot: number): boolean {
    return !this.bad.has(slot) && ![...this.sectors.values()].some(([, used]) => used === slot);
  }
}

interface Step {
  readonly first: number;
  readonly length: number;
  readonly index: number;
  readonly state: ExtentState;
}

const step: fc.Arbitrary<Step> = fc.record({
  first: fc.nat(60),
  length: fc.integer({ min: 1, max: 9 }),
  index: fc.nat(90),
  state: fc.constantFrom(...EXTENT_STATES),
});

/** The entry that a step stands for, if the table can take it. */
function entryOf(k: FakeKernel, model: Model, { first, length, index, state }: Step) {
  if (!hasSlot(state)) return { first, length, slot: 0, state };
  const gone = new Set<number>();
  if (state !== "bad") {
    for (let at = 0; at < length; at++) gone.add(model.sectors.get(first + at)?.[1] ?? 0);
  }
  for (let at = 0; at < length; at++) {
    const slot = k.slot(index + at);
    if (!model.isFree(slot) && !gone.has(slot)) return undefined;
  }
  return { first: state === "bad" ? 0 : first, length, slot: k.slot(index), state };
}

Deno.test("any history gives the table that its steps give one after the other", () => {
  const histories = fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { maxLength: 12 });
  fc.assert(fc.property(histories, histories, (before, after) => {
    const k = new FakeKernel();
    const model = new Model();
    const run = (history: Step[][]) => {
      for (const transaction of history) {
        const entries: Extent[] = [];
        for (const each of transaction) {
          const entry = entryOf(k, model, each);
          if (entry === undefined) continue;
          model.apply(entry);
          entries.push(entry);
        }
        if (k.journalUsed < k.layout.journalBlocks) k.commit(entries);
        else k.checkpoint([...loadAfter(model)]);
      }
    };
    run(before);
    k.checkpoint([...loadAfter(model)]);
    run(after);
    assert.deepEqual(checkMetadata(k.image).problems, []);
    const loaded = new Model();
    let position = 0;
    for (const each of loadMetadata(k.image).extents()) {
      if (each.state !== "bad") {
        assert(each.first >= position, "ascending");
        position = each.first + each.length;
      }
      loaded.apply(each);
    }
    assert.deepEqual([...loaded.sectors].sort(), [...model.sectors].sort());
    assert.deepEqual([...loaded.bad].sort(), [...model.bad].sort());
  }));
});

function* loadAfter(model: Model): Generator<Extent> {
  const ascending = (a: number, b: number) => a - b;
  for (const first of [...model.sectors.keys()].sort(ascending)) {
    const [state, slot] = model.sectors.get(first)!;
    yield { first, length: 1, slot, state };
  }
  for (const slot of [...model.bad].sort(ascending)) {
    yield { first: 0, length: 1, slot, state: "bad" };
  }
}
