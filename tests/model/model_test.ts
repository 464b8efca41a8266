// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import type { Defect } from "./defects.ts";
import { FakeDevice } from "./fake_device.ts";
import { FAULT_KINDS } from "./faults.ts";
import type { Geometry, Rules } from "./model.ts";
import { formatSequence } from "./operations.ts";
import { type Failure, searchFailure } from "./search.ts";

const ALL: Rules = {
  faults: FAULT_KINDS,
  saysMedium: true,
  deaths: true,
  scans: true,
  flushes: true,
};
const SMALL: Geometry = {
  sectors: 1024,
  unit: 1,
  spareStart: 8,
  slots: 96,
  maxRemaps: 0,
  rules: ALL,
};
const BLOCKS: Geometry = {
  sectors: 2048,
  unit: 8,
  spareStart: 64,
  slots: 256,
  maxRemaps: 200,
  rules: ALL,
};
const PASSIVE: Geometry = { ...SMALL, rules: { ...ALL, passive: true } };
const VERIFYING: Geometry = { ...SMALL, rules: { ...ALL, verifiesPending: true } };
const PROACTIVE: Geometry = { ...SMALL, rules: { ...ALL, proactive: true } };
/** With metadata, which the fake has somewhere else. */
const LASTING: Geometry = { ...SMALL, spareRange: { first: 0, count: 104 } };
const TWO_SPARES: Geometry = { ...LASTING, twoSpares: true };
/** Soon full. */
const TINY: Geometry = { ...SMALL, slots: 24 };
const LIMITED: Geometry = { ...SMALL, maxRemaps: 20 };

/** What catches each defect: the beginnings of the failures that are right for it. */
const CAUGHT_BY: Record<Defect, RegExp | readonly [RegExp, Geometry]> = {
  "lost returns zeros": /promise 3/,
  "lost returns main": /promise 3/,
  "lost returns the slot": /promise 3/,
  "write goes to main": /promise [12356]/,
  "read comes from main": /promise [237]/,
  "remap copies nothing": /promise [13]/,
  "unmap copies nothing": /promise 1|contract/,
  "unmap takes lost sectors": /contract/,
  "unmap is not read back": /contract/,
  "slot used twice": /promise [135]/,
  "slot freed twice": /promise [135]/,
  "slot out of range": /promise 5/,
  "remap is not all or nothing": /contract/,
  "read is cut off by one": /promise 3/,
  "write error is swallowed": /promise 1/,
  "counter falls": /promise 6/,
  "reload forgets": /promise 5/,
  "force copies": /promise [13]/,
  "moves while suspended": /contract/,
  "stale after an automatic relocation": /promise [27]/,
  "failed read gives zeros": /promise 3/,
  "read error takes a slot": /promise [56]/,
  "good read leaves it pending": /promise [56]/,
  "pending is not noted": /promise [56]/,
  "reload forgets what is pending": /promise [56]/,
  "dead main takes slots": /promise [15]/,
  "dead spare spoils slots": /promise 6/,
  "transport error is pending": /promise [56]/,
  "whole request is relocated": /promise [56]/,
  "good part is dropped": /promise 1/,
  "automatic relocation is not counted": /promise 6/,
  "error is not counted": /promise 6/,
  "bad slot is free again": /promise [56]/,
  "bad slot is kept": /promise [57]/,
  "pending is written in place": /promise [56]/,
  "pending always leaves main": [/promise [56]/, VERIFYING],
  "pending is not read back": [/promise [156]/, VERIFYING],
  "passive target relocates": [/promise [156]/, PASSIVE],
  "limit is ignored": [/promise [156]|contract/, LIMITED],
  "full spare swallows the error": [/promise [15]/, TINY],
  "weak sector is not copied": [/promise 3/, PROACTIVE],
  "flush forgets the spare": /promise 9/,
  "scan notes nothing": /promise [56]/,
  "unreadable slot stays lost": /promise [56]/,
  "unreadable slot is written again": /promise [56]/,
  "start forgets": [/promise 5/, LASTING],
  "start forgets what is pending": [/promise [56]/, LASTING],
  "start forgets what is lost": [/promise 5/, LASTING],
  "start forgets bad slots": [/promise 6/, LASTING],
  "metadata misses a change": [/promise 6/, LASTING],
  "metadata takes unreadable slots for lost": [/promise 6/, LASTING],
  "restore loses an entry": [/contract|promise [56]/, LASTING],
  "migration leaves a sector behind": [/promise 3/, TWO_SPARES],
  "migration loses a sector": [/promise 5/, TWO_SPARES],
  "migration revives what is lost": [/promise [35]/, TWO_SPARES],
  "migration brings bad slots along": [/promise 6/, TWO_SPARES],
};

async function search(geometry: Geometry, sequences: number, defect?: Defect) {
  for (let seed = 1; seed <= sequences; seed++) {
    await using device = new FakeDevice(geometry, defect);
    const options = { variant: "fake", geometry, seed, length: 120 };
    const failure = await searchFailure(device, options);
    if (failure !== undefined) return failure;
  }
  return undefined;
}

const KINDS = { SMALL, BLOCKS, PASSIVE, VERIFYING, PROACTIVE, TINY, LIMITED, LASTING, TWO_SPARES };

for (const [name, geometry] of Object.entries(KINDS)) {
  Deno.test(`a correct target passes (${name})`, async () => {
    const failure = await search(geometry, 40);
    assert.equal(failure, undefined, failure && describe(failure));
  });
}

for (const [defect, expected] of Object.entries(CAUGHT_BY)) {
  Deno.test(`caught, and shrunk to a few steps: ${defect}`, async () => {
    const [pattern, geometry] = expected instanceof RegExp ? [expected, SMALL] : expected;
    const failure = await search(geometry, 60, defect as Defect);
    assert.ok(failure !== undefined, "not caught");
    assert.match(failure.error, pattern);
    assert.ok(failure.sequence.operations.length <= 12, describe(failure));
  });
}

function describe(failure: Failure): string {
  return `${failure.error}\n${formatSequence(failure.sequence)}`;
}
