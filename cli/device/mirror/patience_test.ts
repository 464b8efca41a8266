// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { Patience, type Verdict } from "./patience.ts";

/** Sectors a second that are copied. */
const SPEED = 200_000;

/** Passes over a device that is written to at a rate, in sectors a second. */
function passes(length: number, rate: number, maxPauseMs: number): Verdict[] {
  const patience = new Patience(maxPauseMs);
  const verdicts: Verdict[] = [];
  for (let before = length;;) {
    const left = Math.min(length, before / SPEED * rate);
    verdicts.push(patience.judge(before, left, left / SPEED * 1000));
    if (verdicts.at(-1) !== "again") return verdicts;
    before = left;
  }
}

Deno.test("a device that nobody writes to is stopped after one pass", () => {
  assert.deepEqual(passes(2 ** 30, 0, 1000), ["stop"]);
});

Deno.test("passes go on as long as they get shorter", () => {
  const verdicts = passes(2 ** 30, SPEED / 2, 1000);
  assert.equal(verdicts.at(-1), "stop");
  assert.ok(verdicts.length > 10, `${verdicts.length} passes`);
});

Deno.test("what is written as fast as it is copied is stopped for as long as is allowed", () => {
  assert.deepEqual(passes(10 * SPEED, SPEED, 20_000), ["again", "again", "again", "stop"]);
  assert.deepEqual(passes(10 * SPEED, 2 * SPEED, 5_000).at(-1), "too much");
});

Deno.test("nobody waits longer than is allowed, however short that is", () => {
  assert.equal(new Patience(100).judge(1000, 10, 150), "again");
  assert.equal(new Patience(100).judge(1000, 10, 90), "stop");
});
