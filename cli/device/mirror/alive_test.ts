// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { RefusedError } from "../errors.ts";
import { checkAlive } from "./alive.ts";
import { RangeSet } from "./range_set.ts";
import type { Source } from "./source.ts";

const SIZE = { length: 16_000, unit: 8, onMain: () => true };

function disk(answers: boolean): Source {
  return {
    read: (_first, count) => Promise.resolve(answers ? new Uint8Array(512 * count) : undefined),
  };
}

Deno.test("bad sectors of a disk that answers are believed", async () => {
  const missing = new RangeSet([{ first: 0, end: 5000 }]);
  await checkAlive("r0", disk(true), missing, SIZE);
  await checkAlive("r0", disk(false), new RangeSet(), SIZE);
});

Deno.test("those of one that does not answer are not", async () => {
  const some = new RangeSet([{ first: 8000, end: 16_000 }, { first: 0, end: 8 }]);
  const most = new RangeSet([{ first: 0, end: 9000 }]);
  await assert.rejects(checkAlive("r0", disk(false), some, SIZE), RefusedError);
  await assert.rejects(checkAlive("r0", disk(true), most, SIZE), RefusedError);
  const few = new RangeSet([{ first: 0, end: 8 }]);
  await assert.rejects(checkAlive("r0", disk(false), few, SIZE), RefusedError);
  // The spare answers for what is relocated, and that says nothing of main.
  const relocated = { ...SIZE, onMain: () => false };
  await assert.rejects(checkAlive("r0", disk(true), few, relocated), RefusedError);
  await checkAlive("r0", disk(true), few, SIZE);
});
