// SPDX-License-Identifier: GPL-2.0-only
// Whole blocks that are not what was written: zeroed, torn, flipped, exchanged, of another device.
import { sealBlock } from "../../../metadata/block.ts";
import type { PersistenceBench, PersistencePart } from "../persistence/bench.ts";
import { blockOf, checkDamage, type Expected, type History, makeHistory } from "./history.ts";

type Bytes = Uint8Array<ArrayBuffer>;
type Damage = readonly [name: string, apply: (block: Bytes) => void];

const ZEROED: Damage = ["zeroed", (block) => block.fill(0)];
const TORN: Damage = ["without its first sectors", (block) => block.fill(0, 0, 1024)];
const FLIPPED: Damage = ["with one bit flipped", (block) => void (block[1000]! ^= 16)];
const HEADLESS: Damage = ["with another sequence", (block) => void (block[48]! ^= 1)];
const UNSEALED: Damage = ["with another checksum", (block) => void (block[13]! ^= 128)];
const FILLED: Damage = ["filled with 0xff", (block) => block.fill(0xff)];

const SPOILED: readonly Damage[] = [ZEROED, TORN, FLIPPED, HEADLESS, UNSEALED, FILLED];
/** Where another block of the kind has had all of it. */
const BRIEF: readonly Damage[] = [ZEROED, FLIPPED];

/** Sound, but of a device with another UUID. */
const FOREIGN: Damage = ["of another device", (block) => {
  block[24]! ^= 0xff;
  sealBlock(block);
}];

async function damageEach(
  bench: PersistenceBench,
  history: History,
  blocks: readonly number[],
  damages: readonly Damage[],
  expected: Expected,
): Promise<void> {
  for (const block of blocks) {
    for (const [name, apply] of damages) {
      const damage = (spare: Bytes) => apply(blockOf(spare, block));
      await checkDamage(bench, history, `block ${block} ${name}`, damage, expected);
    }
  }
}

async function exchange(
  bench: PersistenceBench,
  history: History,
  [one, other]: readonly [number, number],
  expected: Expected,
): Promise<void> {
  await checkDamage(bench, history, `blocks ${one} and ${other} exchanged`, (spare) => {
    const kept = blockOf(spare, one).slice();
    blockOf(spare, one).set(blockOf(spare, other));
    blockOf(spare, other).set(kept);
  }, expected);
}

async function duplicate(
  bench: PersistenceBench,
  history: History,
  [from, to]: readonly [number, number],
  expected: Expected,
): Promise<void> {
  await checkDamage(bench, history, `block ${from} over ${to}`, (spare) => {
    blockOf(spare, to).set(blockOf(spare, from));
  }, expected);
}

async function superblocks(bench: PersistenceBench): Promise<void> {
  const history = await makeHistory(bench);
  const { superblocks } = history.places;
  await damageEach(bench, history, superblocks.slice(0, 1), SPOILED, "same");
  await damageEach(bench, history, superblocks.slice(1), BRIEF, "same");
  await damageEach(bench, history, superblocks, [FOREIGN], "refused");
  await duplicate(bench, history, superblocks, "refused");
  await exchange(bench, history, superblocks, "same");
  await checkDamage(bench, history, "both superblocks zeroed", (spare) => {
    for (const block of superblocks) blockOf(spare, block).fill(0);
  }, "refused");
}

async function currentCheckpoint(bench: PersistenceBench): Promise<void> {
  const history = await makeHistory(bench);
  const { current: [first = 0, second = 0], older: [old = 0] } = history.places;
  await damageEach(bench, history, [first], [...BRIEF, HEADLESS, FOREIGN], "refused");
  await damageEach(bench, history, [second], [ZEROED], "refused");
  await exchange(bench, history, [first, second], "refused");
  await duplicate(bench, history, [first, second], "refused");
  await duplicate(bench, history, [old, first], "refused");
}

/** It is not used any more, as long as the newest superblock is sound. */
async function olderCheckpoint(bench: PersistenceBench): Promise<void> {
  const history = await makeHistory(bench);
  const { superblocks: [newest], current: [first = 0], older } = history.places;
  await damageEach(bench, history, older.slice(0, 1), [ZEROED, FLIPPED, FOREIGN], "same");
  await checkDamage(bench, history, "the newest superblock and its checkpoint", (spare) => {
    blockOf(spare, newest).fill(0xff);
    blockOf(spare, first).fill(0xff);
  }, "refused");
}

async function journal(bench: PersistenceBench): Promise<void> {
  const history = await makeHistory(bench);
  const { journal: [first = 0, second = 0, last = 0], rest: [behind = 0] } = history.places;
  await damageEach(bench, history, [first], [...BRIEF, HEADLESS, FOREIGN], "refused");
  await damageEach(bench, history, [second], [ZEROED], "refused");
  await damageEach(bench, history, [last], SPOILED, "before the last");
  await damageEach(bench, history, [last], [FOREIGN], "refused");
  await damageEach(bench, history, [behind], [FILLED], "same");
  await exchange(bench, history, [first, second], "refused");
  await duplicate(bench, history, [first, behind], "refused");
}

export const BLOCKS: PersistencePart = {
  name: "1 blocks",
  cases: [
    { name: "promise 10: superblocks", run: superblocks },
    { name: "promise 10: the checkpoint that counts", run: currentCheckpoint },
    { name: "promise 10: the checkpoint before it", run: olderCheckpoint },
    { name: "promise 10: the journal", run: journal },
  ],
};
