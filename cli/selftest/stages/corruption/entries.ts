// SPDX-License-Identifier: GPL-2.0-only
// Numbers that cannot be, under checksums that fit: a checksum says nothing about who wrote it.
import { BLOCK_ENTRIES, BLOCK_SIZE, ENTRY_SIZE, HEADER_SIZE } from "../../../metadata/format.ts";
import { sealBlock, viewOf } from "../../../metadata/block.ts";
import { MAIN_SECTORS, SPARE_SECTORS } from "../persistence/bench.ts";
import type { PersistenceBench, PersistencePart } from "../persistence/bench.ts";
import { blockOf, checkDamage, type History, makeHistory } from "./history.ts";

type Change = readonly [what: string, change: (view: DataView) => void];

const at = (entry: number) => HEADER_SIZE + entry * ENTRY_SIZE;
const setFirst = (view: DataView, entry: number, first: number) =>
  view.setUint32(at(entry), first, true);
const setLength = (view: DataView, entry: number, length: number) =>
  view.setUint16(at(entry) + 6, length, true);
const setSlot = (view: DataView, entry: number, slot: number) =>
  view.setUint32(at(entry) + 8, slot, true);
const slotOf = (view: DataView, entry: number) => view.getUint32(at(entry) + 8, true);
const setState = (view: DataView, entry: number, state: number) =>
  view.setUint8(at(entry) + 14, state);

const ENTRY_CHANGES: readonly Change[] = [
  ["a slot used twice", (view) => setSlot(view, 7, slotOf(view, 8))],
  ["a slot in the metadata", (view) => setSlot(view, 7, 8)],
  ["a slot past the end", (view) => setSlot(view, 7, SPARE_SECTORS)],
  ["a slot far past the end", (view) => view.setUint16(at(7) + 12, 0xffff, true)],
  ["a sector past the end", (view) => setFirst(view, 7, MAIN_SECTORS)],
  ["a run past the end of main", (view) => setLength(view, 7, 0xffff)],
  ["a run over the next one", (view) => setLength(view, 7, 6)],
  ["a run of nothing", (view) => setLength(view, 7, 0)],
  ["sectors that do not ascend", (view) => setFirst(view, 7, 2)],
  ["an unknown state", (view) => setState(view, 7, 77)],
  ["a state for the journal only", (view) => setState(view, 7, 0)],
  ["a pending sector with a slot", (view) => setState(view, 7, 3)],
  ["bits that nobody writes", (view) => view.setUint8(at(7) + 15, 1)],
];

const BLOCK_CHANGES: readonly Change[] = [
  ["more entries than a block holds", (view) => view.setUint32(16, BLOCK_ENTRIES + 1, true)],
  ["very many entries", (view) => view.setUint32(20, 0xffffffff, true)],
  ["another version", (view) => view.setUint32(8, 9, true)],
];

const SUPERBLOCK_CHANGES: readonly Change[] = [
  ["logical blocks of 3 sectors", (view) => view.setUint32(76, 3, true)],
  ["no main", (view) => view.setBigUint64(88, 0n, true)],
  ["a huge main", (view) => view.setBigUint64(88, 1n << 60n, true)],
  ["a huge spare", (view) => view.setBigUint64(112, 1n << 60n, true)],
  ["slots over the metadata", (view) => view.setBigUint64(144, 8n, true)],
  ["a third checkpoint", (view) => view.setUint32(160, 2, true)],
  ["a checkpoint of too many blocks", (view) => view.setBigUint64(168, 1n << 40n, true)],
  ["a checkpoint of one block less", (view) => view.setBigUint64(168, 1n, true)],
  ["more entries than blocks hold", (view) => view.setBigUint64(176, 1n << 40n, true)],
  ["no generation", (view) => view.setBigUint64(40, 0n, true)],
];

/** Sizes that only the devices themselves contradict: the tool, which sees the spare, cannot. */
const DEVICE_CHANGES: readonly Change[] = [
  ["another main", (view) => view.setBigUint64(96, 4096n, true)],
  ["another start of main", (view) => view.setBigUint64(80, 8n, true)],
];

async function changeEach(
  bench: PersistenceBench,
  history: History,
  block: number,
  changes: readonly Change[],
  sees: "all" | "target" = "all",
): Promise<void> {
  for (const [what, change] of changes) {
    await checkDamage(
      bench,
      history,
      `${what}, in block ${block}`,
      (spare) => {
        const bytes = blockOf(spare, block);
        change(viewOf(bytes));
        sealBlock(bytes);
      },
      "refused",
      sees,
    );
  }
}

async function checkpointEntries(bench: PersistenceBench): Promise<void> {
  const history = await makeHistory(bench);
  const [first = 0] = history.places.current;
  await changeEach(bench, history, first, [...ENTRY_CHANGES, ...BLOCK_CHANGES]);
}

/** The first transaction relocates 1701+3. */
async function journalEntries(bench: PersistenceBench): Promise<void> {
  const history = await makeHistory(bench);
  const { current: [checkpoint = 0], journal: [first = 0] } = history.places;
  const taken = slotOf(viewOf(blockOf(history.image.spare, checkpoint)), 3);
  await changeEach(bench, history, first, [
    ["a slot of another sector", (view) => setSlot(view, 0, taken)],
    ["a slot past the end", (view) => setSlot(view, 0, SPARE_SECTORS - 2)],
    ["a sector past the end", (view) => setFirst(view, 0, MAIN_SECTORS - 1)],
    ["a run of nothing", (view) => setLength(view, 0, 0)],
    ["an unknown state", (view) => setState(view, 0, 77)],
    ["main, with a slot", (view) => setState(view, 0, 0)],
    ["more entries than a block holds", (view) => view.setUint32(16, BLOCK_SIZE, true)],
    ["a later generation", (view) => view.setUint32(40, 200, true)],
  ]);
}

/** Of the one that counts; the other one is sound, but older, and must not take over. */
async function superblockFields(bench: PersistenceBench): Promise<void> {
  const history = await makeHistory(bench);
  const [newest] = history.places.superblocks;
  await changeEach(bench, history, newest, SUPERBLOCK_CHANGES);
  await changeEach(bench, history, newest, DEVICE_CHANGES, "target");
}

export const ENTRIES: PersistencePart = {
  name: "2 numbers",
  cases: [
    { name: "promise 5: entries of the checkpoint", run: checkpointEntries },
    { name: "promise 5: entries of the journal", run: journalEntries },
    { name: "promise 10: fields of the superblock", run: superblockFields },
  ],
};
