// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import {
  BLOCK_BYTES,
  contentOf,
  type Expected,
  fileProblem,
  promisesAt,
  wholePlan,
} from "./plan.ts";

const plan = wholePlan(1, 30);

Deno.test("a plan can be carried out: files exist before they are written again", () => {
  const totals = new Map<string, number>();
  const numbers = new Set(plan.map(({ op }) => op));
  assert.equal(numbers.size, plan.length);
  for (const { kind, file, blocks, total } of plan) {
    assert.equal(kind === "create", !totals.has(file));
    assert.ok(blocks.every((block) => block < total));
    assert.ok(total >= (totals.get(file) ?? 0));
    totals.set(file, total);
  }
  const kinds = new Set(plan.map(({ kind }) => kind));
  assert.equal(kinds.size, 4);
});

const expected: Expected = { file: "f", blocks: 2, allowed: [[0, [5]], [1, [5, 8]]] };

function file(...ops: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(ops.length * BLOCK_BYTES);
  ops.forEach((op, block) => bytes.set(contentOf(op, block), block * BLOCK_BYTES));
  return bytes;
}

Deno.test("a file holds what was synced, or what came later", () => {
  assert.equal(fileProblem(expected, file(5, 5)), undefined);
  assert.equal(fileProblem(expected, file(5, 8, 9)), undefined);
  assert.match(fileProblem(expected, undefined)!, /f is not there/);
  assert.match(fileProblem(expected, file(5))!, /4096 bytes, not 2 blocks/);
  assert.match(fileProblem(expected, file(8, 5))!, /block 0: what operation 8 wrote, not of 5/);
  const zeroed = file(5, 5);
  zeroed[BLOCK_BYTES + 100]! ^= 1;
  assert.match(fileProblem(expected, zeroed)!, /block 1: what operation 5 wrote, not of 5 or 8/);
  assert.match(fileProblem(expected, new Uint8Array(2 * BLOCK_BYTES))!, /nothing that was written/);
});

Deno.test("what has ended is promised, what is under way is possible", () => {
  const operations = [
    { op: 1, kind: "create", file: "f", blocks: [0, 1], total: 2 },
    { op: 4, kind: "rewrite", file: "f", blocks: [1], total: 2 },
    { op: 7, kind: "append", file: "f", blocks: [2], total: 3 },
    { op: 2, kind: "create", file: "g", blocks: [0], total: 1 },
  ] as const;
  const at = (begun: number[], ended: number[]) =>
    promisesAt(operations, new Set(begun), new Set(ended));
  assert.deepEqual(at([1, 2], []), []);
  assert.deepEqual(at([1, 2, 4], [1]), [
    { file: "f", blocks: 2, allowed: [[0, [1]], [1, [1, 4]]] },
  ]);
  assert.deepEqual(at([1, 4, 7], [1, 4]), [
    { file: "f", blocks: 2, allowed: [[0, [1]], [1, [4]]] },
  ]);
  assert.deepEqual(at([1, 4, 7], [1, 4, 7]), [
    { file: "f", blocks: 3, allowed: [[0, [1]], [1, [4]], [2, [7]]] },
  ]);
});
