// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { PromiseBroken } from "../model/promises.ts";
import { spareStamps, stamps } from "../model/stamps.ts";
import { Ledger } from "./ledger.ts";

const SEED = 7;
const range = { first: 4, count: 2 };

function mayRead(ledger: Ledger, sequence: number): boolean {
  try {
    ledger.endRead(ledger.beginRead(range), stamps(SEED, range.first, range.count, sequence));
    return true;
  } catch (error) {
    assert.ok(error instanceof PromiseBroken);
    return false;
  }
}

Deno.test("acknowledged: the new; failed or in flight: the old or the new", () => {
  const ledger = new Ledger(SEED, 16);
  assert.ok(mayRead(ledger, 0) && !mayRead(ledger, 1));
  const first = ledger.beginWrite(range);
  assert.ok(mayRead(ledger, 0) && mayRead(ledger, 1));
  ledger.endWrite(first, true);
  assert.ok(!mayRead(ledger, 0) && mayRead(ledger, 1));
  ledger.endWrite(ledger.beginWrite(range), false);
  assert.ok(!mayRead(ledger, 0) && mayRead(ledger, 1) && mayRead(ledger, 2));
});

Deno.test("writes that met are in no order", () => {
  const ledger = new Ledger(SEED, 16);
  const one = ledger.beginWrite(range);
  const two = ledger.beginWrite({ first: 0, count: 8 });
  ledger.endWrite(two, true);
  ledger.endWrite(one, true);
  assert.ok(!mayRead(ledger, 0) && mayRead(ledger, 1) && mayRead(ledger, 2));
});

Deno.test("a read may see what begins before it ends", () => {
  const ledger = new Ledger(SEED, 16);
  const reading = ledger.beginRead(range);
  ledger.endWrite(ledger.beginWrite(range), true);
  ledger.endRead(reading, stamps(SEED, 4, 2, 0));
  ledger.endRead(reading, stamps(SEED, 4, 2, 1));
  assert.throws(() => ledger.endRead(reading, stamps(SEED, 4, 2, 2)), PromiseBroken);
});

Deno.test("never another sector, another run's data, an unwritten slot or zeros", () => {
  const ledger = new Ledger(SEED, 16);
  const wrong = [
    stamps(SEED, 5, 2, 0),
    stamps(SEED + 1, 4, 2, 0),
    spareStamps(SEED, 4, 2),
    new Uint8Array(1024),
  ];
  for (const data of wrong) {
    assert.throws(() => ledger.endRead(ledger.beginRead(range), data), /promise 3/);
  }
});

Deno.test("durable: flushed since it was acknowledged, or written through", () => {
  const ledger = new Ledger(SEED, 16);
  const durable = () => [4, 5].map((sector) => ledger.isDurable(sector));
  assert.deepEqual(durable(), [true, true]);
  const early = ledger.beginWrite(range);
  const tooEarly = ledger.beginFlush();
  ledger.endWrite(early, true);
  ledger.endFlush(tooEarly, true);
  assert.deepEqual(durable(), [false, false]);
  ledger.endFlush(ledger.beginFlush(), false);
  assert.deepEqual(durable(), [false, false]);
  const covered = ledger.beginFlush();
  ledger.endFlush(covered, true);
  assert.deepEqual(durable(), [true, true]);
  ledger.endWrite(ledger.beginWrite(range), true);
  ledger.endWrite(ledger.beginWrite({ first: 5, count: 1 }, true), true);
  assert.deepEqual(durable(), [false, true]);
});
