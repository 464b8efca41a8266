// SPDX-License-Identifier: GPL-2.0-only
// Which generation was the current one, and which was before it.
import type { Head } from "./repair_head.ts";
import { type Group, groupKey, type Scan } from "./repair_scan.ts";

/** A checkpoint as far as it is there. */
export interface Found {
  readonly group: Group;
  /** The superblock that describes it. */
  readonly head: Head | undefined;
  /** Where its blocks are, or would be. */
  readonly slot: 0 | 1;
  /** How many blocks it had, as far as that can be told. */
  readonly used: number;
  /** Whether there were not more: a sound superblock says so, or its last block is there. */
  readonly ended: boolean;
}

/** The current checkpoint, and what is left of the one before it. */
export function chooseGroups(
  heads: readonly Head[],
  scan: Scan,
): { readonly current: Found; readonly previous: Found | undefined } {
  const current = newestOf(heads, scan);
  const before = [...scan.groups.values(), ...heads.map((head) => groupOf(scan, head))]
    .filter(({ generation }) => generation === current.generation - 1);
  before.sort((a, b) => worth(b, heads) - worth(a, heads));
  const [previous] = before;
  return {
    current: found(current, heads, scan),
    previous: previous === undefined ? undefined : found(previous, heads, scan),
  };
}

function newestOf(heads: readonly Head[], scan: Scan): Group {
  const [first, second] = heads.filter(({ sound }) => sound);
  const groups = [...scan.groups.values()];
  const candidates = first === undefined
    // Nobody sound says where to begin: whatever was begun by all signs counts.
    ? [...heads.map((head) => groupOf(scan, head)), ...groups.filter(wasCurrent)]
    : [
      groupOf(scan, first),
      ...groups.filter((group) =>
        group.generation > first.superblock.generation &&
        // A checkpoint counts with its superblock, which neither of two sound ones is.
        (group.journal.size > 0 || second === undefined && mayCount(group, first, heads, scan))
      ),
    ];
  candidates.sort((a, b) => b.generation - a.generation || worth(b, heads) - worth(a, heads));
  return candidates[0]!;
}

/** A journal only goes on from a checkpoint whose superblock was written. */
function wasCurrent(group: Group): boolean {
  return group.journal.size > 0 || isWhole(group);
}

function isWhole(group: Group): boolean {
  return group.checkpoints.some((_, slot) => lastOf(group, slot) !== undefined);
}

/**
 * May the superblock that is lost have named this checkpoint? Not if the journal before it went on
 * after it was written, nor if it is a part of the very first one: that was cut short by a crash.
 */
function mayCount(group: Group, first: Head, heads: readonly Head[], scan: Scan): boolean {
  const { journal } = groupOf(scan, first);
  if ([...journal.keys()].some((index) => index >= foldedInto(group))) return false;
  return isWhole(group) || first.superblock.sequence > 1 || heads.length > 1;
}

/** How many blocks of the journal before it a checkpoint has taken up. */
export function foldedInto({ salt }: Group): number {
  return salt & 0xffff;
}

/** The more there is of a group, the likelier it is the one that was in use. */
function worth(group: Group, heads: readonly Head[]): number {
  const [a, b] = group.checkpoints;
  const head = headOf(group, heads);
  return (head === undefined ? 0 : head.sound ? 2 ** 40 : 2 ** 39) +
    (wasCurrent(group) ? 2 ** 38 : 0) + a.size + b.size + group.journal.size;
}

function headOf(group: Group, heads: readonly Head[]): Head | undefined {
  return heads.find(({ superblock, salt }) =>
    superblock.generation === group.generation && salt === group.salt
  );
}

function groupOf(scan: Scan, { superblock: { generation }, salt }: Head): Group {
  return scan.groups.get(groupKey(generation, salt)) ??
    { generation, salt, checkpoints: [new Map(), new Map()], journal: new Map() };
}

/** The index of a checkpoint's last block, if the checkpoint is whole. */
function lastOf(group: Group, slot: number): number | undefined {
  const blocks = group.checkpoints[slot === 1 ? 1 : 0];
  for (let index = 0; blocks.has(index); index++) {
    if (blocks.get(index)?.last) return index;
  }
  return undefined;
}

function found(group: Group, heads: readonly Head[], scan: Scan): Found {
  const head = headOf(group, heads);
  if (head?.sound) {
    const { checkpoint, checkpointUsed } = head.superblock;
    return { group, head, slot: checkpoint, used: checkpointUsed, ended: true };
  }
  const [a, b] = group.checkpoints;
  const other = heads.find(({ sound }) => sound)?.superblock.checkpoint;
  const guess = other === undefined ? head?.superblock.checkpoint ?? 0 : other === 0 ? 1 : 0;
  const slot = a.size > b.size ? 0 : b.size > a.size ? 1 : guess;
  return { group, head, slot, ...endOf(group, slot, scan) };
}

/**
 * Where no sound superblock says how many blocks a checkpoint has: up to its last one, or at least
 * as far as there are blocks, and behind them places that hold nothing sound.
 */
function endOf(group: Group, slot: 0 | 1, scan: Scan): Pick<Found, "used" | "ended"> {
  // Nothing but formatting makes the first generation, and no other has a checkpoint without blocks.
  if (group.generation === 1) return { used: 0, ended: true };
  let used = 0;
  for (const [at, block] of group.checkpoints[slot]) {
    if (block.last) return { used: at + 1, ended: true };
    used = Math.max(used, at + 1);
  }
  const holes = scan.holes[slot];
  while (used < scan.read[slot] && holes.has(used) && holes.get(used) !== "zero") used++;
  return { used: Math.max(used, 1), ended: false };
}
