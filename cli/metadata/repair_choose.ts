// SPDX-License-Identifier: GPL-2.0-only
// Which generation was the current one, and which was before it.
import type { Head } from "./repair_head.ts";
import { type Group, groupKey, type Scan } from "./repair_scan.ts";

/** A checkpoint as far as it is there. */
export interface Found {
  readonly group: Group;
  /** The sound superblock that describes it. */
  readonly head: Head | undefined;
  /** Where its blocks are, or would be. */
  readonly slot: 0 | 1;
  /** How many blocks it had, as far as that can be told. */
  readonly used: number;
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
        // A checkpoint counts with its superblock, which two sound ones are not.
        (group.journal.size > 0 || second === undefined && wasCurrent(group))
      ),
    ];
  candidates.sort((a, b) => b.generation - a.generation || worth(b, heads) - worth(a, heads));
  return candidates[0]!;
}

/** A journal only goes on from a checkpoint whose superblock was written. */
function wasCurrent(group: Group): boolean {
  return group.journal.size > 0 ||
    group.checkpoints.some((_, slot) => lastOf(group, slot) !== undefined);
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
    return { group, head, slot: checkpoint, used: checkpointUsed };
  }
  const [a, b] = group.checkpoints;
  const other = heads.find(({ sound }) => sound)?.superblock.checkpoint;
  const guess = other === undefined ? head?.superblock.checkpoint ?? 0 : other === 0 ? 1 : 0;
  const slot = a.size > b.size ? 0 : b.size > a.size ? 1 : guess;
  return { group, head: undefined, slot, used: usedOf(group, slot, scan) };
}

/**
 * Where nobody says how many blocks a checkpoint has: up to its last one, or to the first place
 * that it never reached, which is zero or still has a block of another checkpoint.
 */
function usedOf(group: Group, slot: 0 | 1, scan: Scan): number {
  const blocks = group.checkpoints[slot];
  let index = 0;
  for (const [at, block] of blocks) {
    if (block.last) return at + 1;
    index = Math.max(index, at + 1);
  }
  const holes = scan.holes[slot];
  while (index < scan.read[slot] && holes.has(index) && holes.get(index) !== "zero") index++;
  return index;
}
