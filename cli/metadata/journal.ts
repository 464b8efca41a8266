// SPDX-License-Identifier: GPL-2.0-only
// The journal: rule 6 of docs/metadata-format.md.
import { blockProblem, decodeHeader, isLast, isSound } from "./block.ts";
import { EntryChecker } from "./entry.ts";
import type { Findings } from "./findings.ts";
import { BLOCK_ENTRIES, ENTRY_SIZE, HEADER_SIZE } from "./format.ts";
import type { Image } from "./image.ts";
import type { Layout } from "./layout.ts";
import { readBlocks } from "./reader.ts";
import type { Superblock } from "./superblock.ts";

/** The entries that count, in their order. */
export class JournalEntries {
  count = 0;
  readonly first: Float64Array;
  readonly length: Uint16Array;
  readonly slot: Float64Array;
  readonly state: Uint8Array;
  /** Where each one stands, for messages. */
  readonly block: Uint16Array;
  readonly index: Uint8Array;

  constructor(room: number) {
    this.first = new Float64Array(room);
    this.length = new Uint16Array(room);
    this.slot = new Float64Array(room);
    this.state = new Uint8Array(room);
    this.block = new Uint16Array(room);
    this.index = new Uint8Array(room);
  }
}

export interface Journal {
  /** Whole transactions. */
  readonly transactions: number;
  /** Their blocks. */
  readonly used: number;
  /** Blocks behind the last whole transaction. */
  readonly dropped: number;
  readonly entries: JournalEntries;
}

export function readJournal(
  image: Image,
  superblock: Superblock,
  layout: Layout,
  findings: Findings,
): Journal {
  const blocks = journalBlocks(image, superblock, layout, findings);
  const used = blocks.findLastIndex(isLast) + 1;
  const entries = new JournalEntries(used * BLOCK_ENTRIES);
  const checker = new EntryChecker(superblock, "journal");
  for (let block = 0; block < used; block++) {
    takeEntries(blocks[block]!, block, entries, (entry, problem) => {
      findings.block("journal", layout.journalStart + block, `journal: ${problem}`, entry);
    }, checker);
  }
  const transactions = blocks.filter(isLast).length;
  return { transactions, used, dropped: blocks.length - used, entries };
}

/** The blocks from the beginning of the ring to the first that does not belong there. */
function journalBlocks(
  image: Image,
  superblock: Superblock,
  { journalStart, journalBlocks }: Layout,
  findings: Findings,
): Uint8Array[] {
  const sound: Uint8Array[] = [];
  const refuse = (index: number, message: string) =>
    findings.block("journal", journalStart + index, `journal: ${message}`);
  for (const block of readBlocks(image, journalStart, journalBlocks)) {
    if (block.bytes === undefined) {
      // Behind the first block that was not written nobody has written.
      if (block.index > sound.length) continue;
      refuse(block.index, `cannot be read: ${block.error}`);
      break;
    }
    if (!isSound(block.bytes, "journal")) continue;
    const header = decodeHeader(block.bytes);
    if (header.uuid !== superblock.uuid) {
      // Nobody formats without wiping the ring: the superblock has come from elsewhere.
      refuse(block.index, `of another device, ${header.uuid}`);
      break;
    }
    if (header.generation < superblock.generation) continue;
    if (header.generation > superblock.generation) {
      refuse(block.index, "newer than the newest superblock");
      break;
    }
    if (header.salt !== superblock.salt) continue;
    if (block.index !== sound.length) {
      refuse(sound.length, `missing or damaged, but block ${block.index} of the journal follows`);
      break;
    }
    const problem = blockProblem(block.bytes, "journal", superblock, block.index);
    if (problem !== undefined) {
      refuse(block.index, problem);
      break;
    }
    sound.push(block.bytes);
  }
  return sound;
}

/** Appends what is right. */
function takeEntries(
  bytes: Uint8Array,
  block: number,
  entries: JournalEntries,
  refuse: (entry: number, problem: string) => void,
  checker: EntryChecker,
): void {
  const { count } = decodeHeader(bytes);
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  for (let entry = 0; entry < count; entry++) {
    const word = (HEADER_SIZE + entry * ENTRY_SIZE) / 4;
    const first = words[word]! + (words[word + 1]! & 0xffff) * 2 ** 32;
    const length = words[word + 1]! >>> 16;
    const slot = words[word + 2]! + (words[word + 3]! & 0xffff) * 2 ** 32;
    const state = words[word + 3]! >>> 16;
    const problem = checker.problem(first, length, slot, state);
    if (problem !== undefined) {
      refuse(entry, problem);
      continue;
    }
    const at = entries.count++;
    entries.first[at] = first;
    entries.length[at] = length;
    entries.slot[at] = slot;
    entries.state[at] = state;
    entries.block[at] = block;
    entries.index[at] = entry;
  }
}
