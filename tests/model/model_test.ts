// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { type Defect, FakeDevice } from "./fake_device.ts";
import type { Geometry } from "./model.ts";
import { formatSequence } from "./operations.ts";
import { type Failure, searchFailure } from "./search.ts";

const SMALL: Geometry = { sectors: 1024, unit: 1, spareStart: 8, slots: 96, maxRemaps: 0 };
const BLOCKS: Geometry = { sectors: 2048, unit: 8, spareStart: 64, slots: 256, maxRemaps: 200 };

/** What catches each defect: the beginnings of the failures that are right for it. */
const CAUGHT_BY: Record<Defect, RegExp> = {
  "lost returns zeros": /promise 3/,
  "lost returns main": /promise 3/,
  "lost returns the slot": /promise 3/,
  "write goes to main": /promise [12]/,
  "read comes from main": /promise [23]/,
  "remap copies nothing": /promise [13]/,
  "unmap copies nothing": /promise 1/,
  "unmap takes lost sectors": /contract/,
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

for (const [name, geometry] of Object.entries({ SMALL, BLOCKS })) {
  Deno.test(`a correct target passes (${name})`, async () => {
    const failure = await search(geometry, 40);
    assert.equal(failure, undefined, failure && describe(failure));
  });
}

for (const [defect, pattern] of Object.entries(CAUGHT_BY)) {
  Deno.test(`caught, and shrunk to a few steps: ${defect}`, async () => {
    const failure = await search(SMALL, 60, defect as Defect);
    assert.ok(failure !== undefined, "not caught");
    assert.match(failure.error, pattern);
    assert.ok(failure.sequence.operations.length <= 12, describe(failure));
  });
}

function describe(failure: Failure): string {
  return `${failure.error}\n${formatSequence(failure.sequence)}`;
}
