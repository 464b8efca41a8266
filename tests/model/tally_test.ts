// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { Tally } from "./tally.ts";

Deno.test("a run has to have met what its rules are about", () => {
  const tally = new Tally();
  assert.deepEqual(tally.missing({ faults: [] }), ["pending", "recovered", "relocated"]);
  tally.add("pending", 3);
  tally.add("recovered");
  tally.add("relocated");
  assert.deepEqual(tally.missing({ faults: [] }), []);
  assert.deepEqual(tally.missing({ faults: [], proactive: true }), ["moved ahead"]);
  const all = new Tally();
  all.addAll(tally);
  assert.equal(`${all}`, `${tally}`);
  assert.equal(`${tally}`, "1 relocated, 3 pending, 1 recovered");
});
