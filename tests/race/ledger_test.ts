// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { PromiseBroken } from "../model/promises.ts";
import { spareStamps, stamps } from "../model/stamps.ts";
import { Ledger } from "./ledger.ts";

const range = { first: 8, count: 2 };

function both(sequence: number, seed = 5): Uint8Array {
  return stamps(seed, range.first, range.count, sequence);
}

Deno.test("in flight, a read may return the old or the new", () => {
  const ledger = new Ledger(5, 64);
  const write = ledger.beginWrite(range);
  assert.deepEqual([...write.data], [...both(1)]);
  ledger.endRead(ledger.beginRead(range), both(0));
  const torn = both(1);
  torn.set(both(0).subarray(512), 512);
  ledger.endRead(ledger.beginRead(range), torn);
});

Deno.test("what was acknowledged, or read once, does not go away", () => {
  const acknowledged = new Ledger(5, 64);
  acknowledged.acknowledge(acknowledged.beginWrite(range));
  assert.throws(
    () => acknowledged.endRead(acknowledged.beginRead(range), both(0)),
    /promise 1.*write 0, but 1/,
  );
  const read = new Ledger(5, 64);
  read.beginWrite(range);
  read.endRead(read.beginRead(range), both(1));
  assert.throws(() => read.endRead(read.beginRead(range), both(0)), PromiseBroken);
});

Deno.test("a read that began before the acknowledgement may still see the old", () => {
  const ledger = new Ledger(5, 64);
  const write = ledger.beginWrite(range);
  const read = ledger.beginRead(range);
  ledger.acknowledge(write);
  ledger.endRead(read, both(0));
});

Deno.test("never what nobody has written yet, another's, zeros or an unwritten slot", () => {
  const ledger = new Ledger(5, 64);
  const wrong = [both(1), both(0, 6), new Uint8Array(1024), spareStamps(5, 8, 2)];
  wrong.push(stamps(5, 9, 2, 0));
  for (const data of wrong) {
    assert.throws(() => ledger.endRead(ledger.beginRead(range), data), PromiseBroken);
  }
});

Deno.test("lost: reads fail or give what was written since", () => {
  const ledger = new Ledger(5, 64);
  ledger.acknowledge(ledger.beginWrite(range));
  ledger.lose({ first: 9, count: 1 });
  ledger.failRead(ledger.beginRead(range), "EIO");
  assert.throws(() => ledger.failRead(ledger.beginRead(range), "EAGAIN"), PromiseBroken);
  assert.throws(() => ledger.endRead(ledger.beginRead(range), both(1)), /sector 9/);
  const write = ledger.beginWrite(range);
  ledger.endRead(ledger.beginRead(range), both(2));
  ledger.acknowledge(write);
  assert.throws(() => ledger.failRead(ledger.beginRead(range), "EIO"), PromiseBroken);
});

Deno.test("bad: reads may fail until the place has healed and a later write has come back", () => {
  const ledger = new Ledger(5, 64);
  const before = ledger.beginRead(range);
  ledger.goBad({ first: 8, count: 1 });
  ledger.failRead(before, "EIO");
  const early = ledger.beginWrite(range);
  ledger.acknowledge(early);
  ledger.failRead(ledger.beginRead(range), "EIO");
  ledger.failRead(ledger.beginRead({ first: 8, count: 1 }), "EIO");
  assert.throws(() => ledger.failRead(ledger.beginRead({ first: 9, count: 1 }), "EIO"), /9\+1/);
  assert.throws(() => ledger.endRead(ledger.beginRead(range), both(0)), /write 0, but 1/);
  const across = ledger.beginWrite(range);
  ledger.healed();
  ledger.acknowledge(across);
  const during = ledger.beginRead(range);
  ledger.failRead(during, "EIO");
  ledger.acknowledge(ledger.beginWrite(range));
  ledger.failRead(during, "EIO");
  assert.throws(() => ledger.failRead(ledger.beginRead(range), "EIO"), PromiseBroken);
  assert.equal(ledger.isExcused(range), false);
});
