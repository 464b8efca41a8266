// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { type Effort, nameWay, waysFor } from "./sweep.ts";

const REQUESTS = Array.from({ length: 27 }, (_, index) => index + 1);
const PLAIN = {};
const RESTARTS = { lasts: true };

function names(nth: number, effort: Effort, operation = PLAIN): string[] {
  return waysFor(operation, nth, effort).map(nameWay);
}

Deno.test("each request fails in every mode, or in two that take turns", () => {
  for (const nth of REQUESTS) {
    const modes = (effort: Effort) =>
      waysFor(PLAIN, nth, effort).filter(({ parks }) => !parks).map(({ mode }) => mode);
    assert.deepEqual(modes("usual"), ["once", "sector", "gone"]);
    assert.deepEqual(modes("thorough"), ["once", "sector", "gone"]);
    assert.equal(new Set(modes("short")).size, 2);
    // What one request leaves away the next one has.
    const three = new Set([
      ...modes("short"),
      ...names(nth + 1, "short").map((name) => {
        return name.split("-")[0];
      }),
    ]);
    assert.equal(three.size, 3);
  }
});

Deno.test("one request of three meets others; each one, if it is to be thorough", () => {
  for (const nth of REQUESTS) {
    const parked = (effort: Effort, operation = PLAIN) =>
      waysFor(operation, nth, effort).filter(({ parks }) => parks).length;
    assert.equal(parked("usual"), nth % 3 === 0 ? 1 : 0);
    assert.equal(parked("short"), nth % 3 === 0 ? 1 : 0);
    assert.equal(parked("thorough"), 1);
    assert.equal(parked("thorough", RESTARTS), nth % 3 === 0 ? 1 : 0);
  }
});

Deno.test("every status comes with every mode, alone and with others", () => {
  for (const effort of ["usual", "short", "thorough"] as const) {
    const met = new Set(REQUESTS.flatMap((nth) => names(nth, effort)));
    assert.equal(met.size, 18, effort);
  }
});

Deno.test("where only meetings are of interest, all modes meet", () => {
  for (const nth of REQUESTS) {
    const ways = waysFor({ parkedOnly: true }, nth, "usual");
    assert.deepEqual(ways.map(({ parks }) => parks), [true, true, true]);
  }
});
