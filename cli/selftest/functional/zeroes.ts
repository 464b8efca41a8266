// SPDX-License-Identifier: GPL-2.0-only
// Discard and write-zeroes where sectors are relocated.
import { checkEqual } from "../check.ts";
import { checkLost, position } from "../content.ts";
import { ANY } from "../pattern.ts";
import type { Bench, FunctionalCase } from "./bench.ts";

async function zeroesBothPlaces(bench: Bench): Promise<void> {
  const rig = await bench.rig();
  await rig.relocate(100, 8);
  await rig.relocate(110, 1);
  const old = rig.content.copy();
  await rig.file.zeroout(position(96), position(24));
  rig.content.set(96, 24, 0);
  await rig.check("after write-zeroes over both places", 64, 128);
  await rig.checkMain("the old copy of a zeroed sector", old, 100, 8);
  await rig.write(102, 1);
  await rig.check("a zeroed sector that was written", 64, 128);
}

async function zeroesAreContent(bench: Bench): Promise<void> {
  const rig = await bench.rig({ faults: true, features: ["volatile", "retries", "1"] });
  await rig.badMain([{ first: 200, count: 4 }]);
  await rig.relocate(200, 4, 4);
  await rig.badMain([]);
  await rig.file.zeroout(position(201), position(2));
  rig.content.set(201, 2, 0);
  await rig.check("lost sectors that were zeroed", 201, 2);
  await checkLost("the one before", rig.file, 200, 1);
  await checkLost("the one behind", rig.file, 203, 1);
  checkEqual("lost in the status", rig.status().lost, 2n);
}

async function discardKeepsMappings(bench: Bench): Promise<void> {
  const rig = await bench.rig();
  await rig.relocate(128, 64);
  const places = await rig.places();
  const old = rig.content.copy();
  await rig.file.discard(position(64), position(256));
  rig.content.set(64, 256, ANY);
  checkEqual("the places after a discard", await rig.places(), places);
  await rig.check("what was not discarded");
  await rig.checkMain("the old copy of a discarded sector", old, 128, 64);
  await rig.write(64, 256);
  await rig.check("what was written after the discard");
}

async function discardFindsNothing(bench: Bench): Promise<void> {
  const rig = await bench.rig({ faults: true, features: ["volatile", "retries", "1"] });
  await rig.badMain([{ first: 200, count: 4 }]);
  await rig.relocate(200, 4, 4);
  await rig.badMain([]);
  await rig.file.discard(position(192), position(16));
  await checkLost("lost sectors that were discarded", rig.file, 200, 4);
}

export const ZERO_CASES: readonly FunctionalCase[] = [
  { name: "write-zeroes over relocated sectors", run: zeroesBothPlaces },
  { name: "write-zeroes makes lost sectors good", run: zeroesAreContent },
  { name: "a discard keeps the relocations", run: discardKeepsMappings },
  { name: "a discard makes no lost sector readable", run: discardFindsNothing },
];
