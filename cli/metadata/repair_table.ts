// SPDX-License-Identifier: GPL-2.0-only
// Puts a table together from what is sound: the current checkpoint, in its gaps the one before it
// with its journal, and the current journal on top.
import { type Extent, hasSlot } from "./extent.ts";
import type { TableCounts } from "./check.ts";
import { foldedInto, type Found } from "./repair_choose.ts";
import { type Claim, paint } from "./repair_paint.ts";
import type { Group, SoundBlock } from "./repair_scan.ts";
import { countExtents } from "./text.ts";

/** Sectors of the target. */
export interface Range {
  readonly first: number;
  readonly length: number;
}

/** What was sound of a journal. */
export interface JournalPart {
  /** Blocks up to the last whole transaction that could be read. */
  readonly blocks: readonly SoundBlock[];
  /** The places among them that hold nothing sound. */
  readonly missing: readonly number[];
  /** Sound blocks behind the last whole transaction. */
  readonly dropped: number;
  /** The place behind all of it. */
  readonly end: number;
}

/** A table, and what is known of how good it is. */
export interface Assembly {
  readonly extents: readonly Extent[];
  /** Of a damaged checkpoint: what it held, to be compared with what its superblock says. */
  readonly checkpointed: TableCounts | undefined;
  readonly journal: JournalPart;
  /** Places of the current checkpoint without a sound block. */
  readonly missingBlocks: readonly number[];
  /** Where the current checkpoint says nothing: sectors of the target. */
  readonly gaps: readonly Range[];
  /** Parts of {@linkcode gaps} where the checkpoint before says nothing either. */
  readonly unknown: readonly Range[];
  /** Whether all changes between the two checkpoints were there. */
  readonly bridged: boolean;
  /** Sectors whose slot went to others: where they are now is not known. */
  readonly doubtful: readonly Extent[];
}

const END = Infinity;

export function assemble(
  current: Found,
  previous: Found | undefined,
  mainSectors: number,
): Assembly {
  const claims: Claim<Extent>[] = [];
  const bad: Claim<Extent>[] = [];
  let rank = 0;
  const claim = (extent: Extent) => {
    const { first, slot, length, state } = extent;
    const start = state === "bad" ? slot : first;
    const made = { start, end: start + length, rank: rank++, of: extent };
    (state === "bad" ? bad : claims).push(made);
  };
  const journal = journalPart(current.group);
  const gaps = gapsOf(current, mainSectors);
  let unknown: Range[] = gaps;
  let bridge: JournalPart | undefined;
  if (gaps.length > 0 && previous !== undefined) {
    bridge = journalPart(previous.group, foldedInto(current.group));
    blocksOf(previous).forEach((block) => block?.extents.forEach(claim));
    bridge.blocks.forEach(({ extents }) => extents.forEach(claim));
    unknown = overlap(gaps, gapsOf(previous, mainSectors));
  }
  for (const { first, length } of complement(gaps, mainSectors)) {
    claim({ first, length, slot: 0, state: "main" });
  }
  blocksOf(current).forEach((block) => block?.extents.forEach(claim));
  const missingBlocks = missingOf(current);
  const isWhole = missingBlocks.length === 0 && current.ended;
  const checkpointed = isWhole ? undefined : countExtents(winners([...claims], [...bad]));
  journal.blocks.forEach(({ extents }) => extents.forEach(claim));
  const { extents, doubtful } = settle(claims, bad);
  return {
    extents,
    doubtful,
    checkpointed,
    journal,
    missingBlocks,
    gaps,
    unknown,
    bridged: bridge !== undefined && previous !== undefined && previous.ended &&
      missingOf(previous).length === 0 && bridge.missing.length === 0 &&
      bridge.blocks.length === foldedInto(current.group),
  };
}

function blocksOf({ group, slot, used }: Found): (SoundBlock | undefined)[] {
  return Array.from({ length: used }, (_, index) => group.checkpoints[slot].get(index));
}

function missingOf(found: Found): number[] {
  return blocksOf(found).flatMap((block, index) => block === undefined ? [index] : []);
}

/**
 * A transaction that is whole was acknowledged after everything before it, so that each sound block
 * up to the last whole transaction counts.
 */
function journalPart({ journal }: Group, most = Infinity): JournalPart {
  const indexes = [...journal.keys()].filter((index) => index < most).sort((a, b) => a - b);
  const last = indexes.findLast((index) => journal.get(index)?.last) ?? -1;
  const end = (indexes.at(-1) ?? -1) + 1;
  const blocks: SoundBlock[] = [];
  const missing: number[] = [];
  for (let index = 0; index <= last; index++) {
    const block = journal.get(index);
    if (block === undefined) missing.push(index);
    else blocks.push(block);
  }
  return { blocks, missing, dropped: indexes.filter((index) => index > last).length, end };
}

/** Sectors of which a checkpoint would have spoken in the blocks that are missing. */
function gapsOf(found: Found, mainSectors: number): Range[] {
  const gaps: Range[] = [];
  const blocks = blocksOf(found);
  let known = 0;
  let open = false;
  for (const block of blocks) {
    if (block === undefined) {
      open = true;
      continue;
    }
    const sectors = block.extents.filter(({ state }) => state !== "bad");
    const next = sectors[0]?.first ?? (block.extents.length > 0 ? END : known);
    if (open) push(gaps, known, Math.min(next, mainSectors));
    open = false;
    const last = sectors.at(-1);
    if (last !== undefined) known = last.first + last.length;
    // Bad slots stand behind all sectors.
    if (sectors.length < block.extents.length) return gaps;
  }
  if (open || !found.ended) push(gaps, known, mainSectors);
  return gaps;
}

function push(ranges: Range[], start: number, end: number): void {
  if (start < end) ranges.push({ first: start, length: end - start });
}

function complement(ranges: readonly Range[], end: number): Range[] {
  const rest: Range[] = [];
  let at = 0;
  for (const { first, length } of ranges) {
    push(rest, at, first);
    at = first + length;
  }
  push(rest, at, end);
  return rest;
}

function overlap(a: readonly Range[], b: readonly Range[]): Range[] {
  return a.flatMap((one) =>
    b.flatMap((other) => {
      const start = Math.max(one.first, other.first);
      const end = Math.min(one.first + one.length, other.first + other.length);
      return start < end ? [{ first: start, length: end - start }] : [];
    })
  );
}

/** Who has each sector, and all bad slots. */
function* winners(claims: Claim<Extent>[], bad: Claim<Extent>[]): Generator<Extent> {
  for (const axis of [claims, bad]) {
    for (const { start, end, claim } of paint(axis)) {
      yield { ...claim.of, length: end - start };
    }
  }
}

interface Settled {
  readonly extents: Extent[];
  readonly doubtful: Extent[];
}

/** Who has each sector, and then who has each slot: a slot that is bad is nobody's. */
function settle(claims: Claim<Extent>[], bad: Claim<Extent>[]): Settled {
  const slots: Claim<Extent>[] = bad.map((claim) => ({ ...claim, rank: claim.rank + 2 ** 40 }));
  const extents: Extent[] = [];
  for (const { start, end, claim } of paint(claims)) {
    const { first, slot, state } = claim.of;
    if (state === "main") continue;
    const length = end - start;
    if (!hasSlot(state)) extents.push({ first: start, length, slot: 0, state });
    else {
      const at = slot + start - first;
      const of = { first: start, length, slot: at, state };
      slots.push({ start: at, end: at + length, rank: claim.rank, of });
    }
  }
  const kept = slotOwners(slots);
  const sectors = extents.concat(kept.filter(({ state }) => state !== "bad"));
  sectors.sort((a, b) => a.first - b.first);
  const doubtful = leftOver(slots, kept);
  return { extents: sectors.concat(kept.filter(({ state }) => state === "bad")), doubtful };
}

function slotOwners(slots: Claim<Extent>[]): Extent[] {
  const kept: Extent[] = [];
  for (const { start, end, claim } of paint(slots)) {
    const { first, slot, state } = claim.of;
    kept.push({
      first: state === "bad" ? 0 : first + start - slot,
      length: end - start,
      slot: start,
      state,
    });
  }
  return kept;
}

/** Sectors that had a slot before the slots were settled, and have none now. */
function leftOver(slots: readonly Claim<Extent>[], kept: readonly Extent[]): Extent[] {
  const before = slots.reduce((sum, { of }) => of.state === "bad" ? sum : sum + of.length, 0);
  const after = kept.reduce((sum, { state, length }) => state === "bad" ? sum : sum + length, 0);
  if (before === after) return [];
  const claims: Claim<Extent | undefined>[] = slots.filter(({ of }) => of.state !== "bad")
    .map(({ of }) => ({ start: of.first, end: of.first + of.length, rank: 0, of }));
  kept.forEach(({ first, length, state }) => {
    if (state !== "bad") claims.push({ start: first, end: first + length, rank: 1, of: undefined });
  });
  const left: Extent[] = [];
  for (const { start, end, claim } of paint(claims)) {
    if (claim.of === undefined) continue;
    const { first, slot, state } = claim.of;
    left.push({ first: start, length: end - start, slot: slot + start - first, state });
  }
  return left;
}
