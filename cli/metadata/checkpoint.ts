// SPDX-License-Identifier: GPL-2.0-only
// The checkpoint: rule 7 of docs/metadata-format.md.
import { blockProblem, isLast } from "./block.ts";
import { BAD, EntryChecker, OrderChecker } from "./entry.ts";
import type { Findings } from "./findings.ts";
import { ENTRY_SIZE, HEADER_SIZE } from "./format.ts";
import type { Image } from "./image.ts";
import type { Sink } from "./merge.ts";
import { type LostBlock, type RawBlock, readBlocks } from "./reader.ts";
import type { Chosen } from "./select.ts";

const COUNT_WORD = 4;

/** Says what is wrong with an entry that is right in itself, if anything is. */
export type EntryRefusal = (
  first: number,
  length: number,
  slot: number,
  state: number,
) => string | undefined;

/**
 * Reads the current checkpoint, a mebibyte at a time, and hands on each entry that is right.
 * Whatever is wrong goes into the findings.
 */
export function scanCheckpoint(
  image: Image,
  chosen: Chosen,
  findings: Findings,
  accept: EntryRefusal,
): void {
  const { superblock, layout, adopted } = chosen;
  const { checkpointUsed: used, entries } = superblock;
  const start = layout.checkpointStart[superblock.checkpoint];
  const scan = new BlockScan(chosen, accept);
  let counted = 0;
  let whole = true;
  for (const block of readBlocks(image, start, used)) {
    const problem = checkpointProblem(block, chosen);
    if (problem !== undefined || block.bytes === undefined) {
      findings.block("checkpoint", start + block.index, `checkpoint: ${problem}`);
      whole = false;
      scan.skip();
      continue;
    }
    counted += block.words[COUNT_WORD]!;
    scan.take(block.words, (entry, wrong) => {
      findings.block("checkpoint", start + block.index, `checkpoint: ${wrong}`, entry);
    });
  }
  if (whole && !adopted && counted !== entries) {
    findings.block(
      "checkpoint",
      start,
      `checkpoint: ${counted} entries, but ${entries} according to its superblock`,
    );
  }
}

function checkpointProblem(
  block: RawBlock | LostBlock,
  { superblock }: Chosen,
): string | undefined {
  if (block.bytes === undefined) return `cannot be read: ${block.error}`;
  const problem = blockProblem(block.bytes, "checkpoint", superblock, block.index);
  if (problem !== undefined) return problem;
  const isEnd = block.index === superblock.checkpointUsed - 1;
  return isEnd === isLast(block.bytes) ? undefined : "ends elsewhere than its superblock says";
}

/** The entries of one block after the other. */
class BlockScan {
  readonly #entries: EntryChecker;
  readonly #accept: EntryRefusal;
  #order = new OrderChecker();

  constructor({ superblock }: Chosen, accept: EntryRefusal) {
    this.#entries = new EntryChecker(superblock, "checkpoint");
    this.#accept = accept;
  }

  /** What follows a damaged block follows nothing. */
  skip(): void {
    this.#order = new OrderChecker();
  }

  take(words: Uint32Array, refuse: (entry: number, problem: string) => void): void {
    const count = words[COUNT_WORD]!;
    for (let entry = 0; entry < count; entry++) {
      const word = (HEADER_SIZE + entry * ENTRY_SIZE) / 4;
      const where = words[word + 1]!;
      const there = words[word + 3]!;
      const first = words[word]! + (where & 0xffff) * 2 ** 32;
      const length = where >>> 16;
      const slot = words[word + 2]! + (there & 0xffff) * 2 ** 32;
      const state = there >>> 16;
      const problem = this.#entries.problem(first, length, slot, state) ??
        this.#order.problem(first, length, slot, state === BAD) ??
        this.#accept(first, length, slot, state);
      if (problem !== undefined) refuse(entry, problem);
    }
  }
}

/** Hands the entries of a checkpoint that was checked to a sink, a block at a time. */
export function* walkCheckpoint(image: Image, chosen: Chosen, sink: Sink): Generator<void> {
  const { superblock, layout } = chosen;
  const start = layout.checkpointStart[superblock.checkpoint];
  for (const block of readBlocks(image, start, superblock.checkpointUsed)) {
    const problem = checkpointProblem(block, chosen);
    if (problem !== undefined || block.bytes === undefined) {
      throw new Error(`${image.path}: checkpoint block ${start + block.index}: ${problem}`);
    }
    new BlockScan(chosen, (first, length, slot, state) => {
      sink(first, length, slot, state);
      return undefined;
    }).take(block.words, (_, wrong) => {
      throw new Error(`${image.path}: checkpoint block ${start + block.index}: ${wrong}`);
    });
    yield;
  }
}
