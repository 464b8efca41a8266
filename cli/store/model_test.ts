// SPDX-License-Identifier: GPL-2.0-only
// A store against a list in memory, over anything that can be done to it.
import assert from "node:assert/strict";
import fc from "fast-check";
import { InvalidSnapshotError, SnapshotExistsError } from "./errors.ts";
import { anyEntries, contentOf, DEVICE, snapshotAt, TestFolder } from "./fixture.ts";
import { openStore } from "./open.ts";
import { applyPolicy } from "./retention.ts";
import { exportJson, exportStore, importSnapshots } from "./transfer.ts";
import type { NewSnapshot, SlotData, SnapshotEntry, Store } from "./types.ts";

/** What a snapshot must say, whatever is done to the store meanwhile. */
interface Expected {
  readonly snapshot: NewSnapshot;
  readonly entries: readonly SnapshotEntry[];
  readonly data: readonly SlotData[];
}

type Operation =
  | { readonly kind: "take"; readonly minute: number; readonly entries: SnapshotEntry[] }
  | { readonly kind: "fail"; readonly minute: number; readonly entries: SnapshotEntry[] }
  | { readonly kind: "remove"; readonly which: number }
  | { readonly kind: "prune"; readonly last: number }
  | { readonly kind: "reopen" }
  | { readonly kind: "copy"; readonly which: number; readonly json: boolean };

function anyOperation(): fc.Arbitrary<Operation> {
  const minute = fc.nat({ max: 9 });
  const which = fc.nat({ max: 9 });
  const take = { minute, entries: anyEntries() };
  return fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant("take"), ...take }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("fail"), ...take }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("remove"), which }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant("prune"), last: fc.integer({ min: 1, max: 4 }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("reopen") }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant("copy"), which, json: fc.boolean() }),
    },
  ) as fc.Arbitrary<Operation>;
}

/** Runs of the same sectors have the same content in every snapshot of an odd minute. */
function dataOf(entries: readonly SnapshotEntry[], minute: number): SlotData[] {
  return entries.filter(({ state }) => state === "remapped")
    .map(({ first, length }) => contentOf(first, length, minute % 2 === 0 ? minute : 0));
}

class Model implements Disposable {
  readonly #folder = new TestFolder();
  readonly #expected = new Map<number, Expected>();
  #store: Store = openStore(this.#folder.file(), { create: true });
  #highest = 0;
  #copies = 0;

  [Symbol.dispose](): void {
    this.#store[Symbol.dispose]();
    this.#folder[Symbol.dispose]();
  }

  async run(operation: Operation): Promise<void> {
    switch (operation.kind) {
      case "take":
        return await this.#take(operation.minute, operation.entries);
      case "fail":
        return await this.#fail(operation.minute, operation.entries);
      case "remove":
        return this.#remove([operation.which]);
      case "prune":
        return this.#prune(operation.last);
      case "reopen":
        this.#store[Symbol.dispose]();
        this.#store = openStore(this.#folder.file());
        return;
      case "copy":
        return await this.#copy(operation.which, operation.json);
    }
  }

  verify(): void {
    const heads = this.#store.heads();
    assert.deepEqual(
      heads.map(({ id }) => id).sort((a, b) => a - b),
      [...this.#expected.keys()].sort((a, b) => a - b),
    );
    for (const head of heads) {
      const { snapshot, entries, data } = this.#expected.get(head.id)!;
      assert.equal(head.takenAt, snapshot.takenAt);
      assert.deepEqual(sectorsOf(this.#store.entries(head.id)), sectorsOf(entries));
      assert.deepEqual([...this.#store.data(head.id)], data);
    }
    assert.deepEqual(this.#store.check().findings, []);
  }

  #isKnown(minute: number, entries: readonly SnapshotEntry[]): boolean {
    const { takenAt } = snapshotAt(minute);
    return [...this.#expected.values()].some((known) =>
      known.snapshot.takenAt === takenAt &&
      JSON.stringify(sectorsOf(known.entries)) === JSON.stringify(sectorsOf(entries))
    );
  }

  async #take(minute: number, entries: readonly SnapshotEntry[]): Promise<void> {
    const snapshot = snapshotAt(minute, { withData: true, device: DEVICE });
    const data = dataOf(entries, minute);
    const taking = this.#store.takeSnapshot(snapshot, { entries, data });
    if (this.#isKnown(minute, entries)) {
      return await assert.rejects(taking, SnapshotExistsError);
    }
    const { id } = await taking;
    assert(id > this.#highest, "a number was used twice");
    this.#highest = id;
    this.#expected.set(id, { snapshot, entries, data });
  }

  async #fail(minute: number, entries: readonly SnapshotEntry[]): Promise<void> {
    const snapshot = snapshotAt(minute, { withData: true });
    const data = [...dataOf(entries, minute), contentOf(2 ** 39, 1)];
    await assert.rejects(
      this.#store.takeSnapshot(snapshot, { entries, data }),
      InvalidSnapshotError,
    );
  }

  #remove(ids: readonly number[]): void {
    const there = ids.filter((id) => this.#expected.delete(id));
    assert.deepEqual(this.#store.remove(ids).ids, there);
  }

  #prune(last: number): void {
    const { remove } = applyPolicy(this.#store.heads(), { last });
    this.#remove(remove.map(({ id }) => id));
    assert(this.#expected.size <= last);
  }

  /** Out and in again: what is there already stays as it is. */
  async #copy(which: number, json: boolean): Promise<void> {
    const ids = [...this.#expected.keys()];
    const id = ids[which % Math.max(1, ids.length)];
    if (id === undefined) return;
    const path = this.#folder.file(`copy${this.#copies++}`);
    if (json) await exportJson(this.#store, id, path);
    else await exportStore(this.#store, [id], path);
    const [same] = await importSnapshots(this.#store, path);
    assert.deepEqual([same?.head.id, same?.isNew], [id, false]);
    // Once it is gone it comes back, under another number.
    const expected = this.#expected.get(id)!;
    this.#remove([id]);
    const [back] = await importSnapshots(this.#store, path);
    assert(back!.isNew && back!.head.id > this.#highest);
    this.#highest = back!.head.id;
    this.#expected.set(this.#highest, expected);
  }
}

function sectorsOf(entries: Iterable<SnapshotEntry>): [number, string][] {
  return Array.from(entries).flatMap(({ first, length, state, slot }) =>
    Array.from({ length }, (_, at): [number, string] => [
      first + at,
      `${state} ${slot === 0 ? 0 : slot + at}`,
    ])
  );
}

Deno.test("a store holds what was put into it, whatever else is done to it", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyOperation(), { maxLength: 14 }), async (operations) => {
      using model = new Model();
      for (const operation of operations) await model.run(operation);
      model.verify();
    }),
    { numRuns: 40 },
  );
});
