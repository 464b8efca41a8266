// SPDX-License-Identifier: GPL-2.0-only
// Requests over any mix of main and spare: every sector goes to its own place.
import { checkEqual } from "../check.ts";
import { newGeneration, position, readSectors } from "../content.ts";
import { findMismatch, makeSectors } from "../pattern.ts";
import { Random } from "../random.ts";
import type { Range, Rig } from "../rig.ts";
import { type Bench, type FunctionalPart, MAIN_SECTORS } from "./bench.ts";

/** An extent, a single sector, neighbours with slots apart, a sector alone between two extents. */
const MIX: readonly Range[] = [
  { first: 100, count: 8 },
  { first: 110, count: 1 },
  { first: 112, count: 3 },
  { first: 116, count: 2 },
];

async function mixed(bench: Bench): Promise<Rig> {
  const rig = await bench.rig({ length: 1024 });
  for (const { first, count } of MIX) await rig.relocate(first, count);
  return rig;
}

async function readsEveryWindow(bench: Bench): Promise<void> {
  const rig = await mixed(bench);
  for (let first = 97; first <= 119; first++) {
    const reads = Array.from({ length: 22 }, (_, index) => {
      return rig.check("a read over the mix", first, index + 1);
    });
    await Promise.all(reads);
  }
}

async function writesEveryWindow(bench: Bench): Promise<void> {
  const rig = await mixed(bench);
  for (let first = 98; first <= 118; first++) {
    for (const count of [1, 2, 3, 5, 9, 20]) {
      await rig.write(first, count);
      await rig.check(`after a write of ${first}+${count}`, 90, 60);
    }
  }
  await rig.check("the whole device");
}

/** Once a sector is relocated, its old copy must neither be changed nor be read. */
async function leavesOldCopiesAlone(bench: Bench): Promise<void> {
  const rig = await bench.rig({ length: 1024 });
  const old = rig.content.copy();
  for (const { first, count } of MIX) await rig.relocate(first, count);
  await rig.write(90, 60);
  for (const { first, count } of MIX) {
    await rig.checkMain("the old copy of a relocated sector", old, first, count);
  }
  await rig.checkMain("a sector between relocated ones", rig.content, 108, 2);

  const stale = newGeneration();
  for (const { first, count } of MIX) {
    await rig.main.write(position(first), makeSectors(first, count, stale));
  }
  await rig.check("after main was written behind the device's back", 90, 60);
}

async function putsDataIntoItsSlots(bench: Bench): Promise<void> {
  const rig = await mixed(bench);
  await rig.write(90, 60);
  for (const { sector, count, place, spareSector } of await rig.places(90, 60)) {
    if (place !== "remapped" || spareSector === undefined) continue;
    const [first, sectors] = [Number(sector), Number(count)];
    const slots = await readSectors(rig.spare, Number(spareSector), sectors);
    const mismatch = findMismatch(slots, first, (at) => rig.content.generation(at));
    checkEqual(`the slots of sectors ${first}+${sectors}`, mismatch, undefined);
  }
}

async function cutsLargeRequests(bench: Bench): Promise<void> {
  const rig = await bench.rig();
  const pairs = Array.from({ length: 200 }, (_, index) => `${index * 37} 1`).join(" ");
  checkEqual("200 single sectors", await rig.send(`remap ${pairs}`), "remapped=200 lost=0");
  for (const count of [256, 512, 1024, 2048]) {
    await rig.write(13, count);
    await rig.check(`after one write of ${count} sectors`, 0, count + 100);
  }
  await rig.check("the whole device");
}

/** Random relocations, back and forth, with I/O in between, against the model of the content. */
async function followsAModel(bench: Bench): Promise<void> {
  const rig = await bench.rig({ features: ["volatile", "max_remaps", "0"] });
  const random = new Random(bench.settings.seed + 5);
  for (let round = 0; round < 300; round++) {
    const first = random.below(MAIN_SECTORS);
    const count = Math.min(random.between(1, random.pick([4, 40, 400])), MAIN_SECTORS - first);
    switch (random.below(5)) {
      case 0:
        if (rig.status().remapped + BigInt(count) < 1500n) await rig.relocate(first, count);
        break;
      case 1:
        await rig.send(`unmap ${first} ${count}`);
        break;
      case 2:
      case 3:
        await rig.write(first, count);
        break;
      default:
        await rig.check(`a random read in round ${round}`, first, count);
    }
  }
  await rig.check("the whole device after 300 rounds");
  const { remapped } = rig.status();
  checkEqual("clear", await rig.send("clear"), `cleared=${remapped} kept=0`);
  await rig.checkMain("the whole device after clear", rig.content);
}

export const MULTI_SECTOR: FunctionalPart = {
  name: "5 multi-sector I/O",
  cases: [
    { name: "every read window over a mix of extents", run: readsEveryWindow },
    { name: "write windows over a mix of extents", run: writesEveryWindow },
    { name: "old copies on main are neither written nor read", run: leavesOldCopiesAlone },
    { name: "the data lies in the slots that verify names", run: putsDataIntoItsSlots },
    { name: "requests of up to 1 MiB over 200 single sectors", run: cutsLargeRequests },
    { name: "300 random operations against a model", run: followsAModel },
  ],
};
