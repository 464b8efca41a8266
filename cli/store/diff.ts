// SPDX-License-Identifier: GPL-2.0-only
// What has changed between two tables, sector by sector, as few runs as possible.
import { hasSlot } from "../metadata/extent.ts";
import type { SnapshotEntry, SnapshotState } from "./types.ts";

/**
 * - `relocated`: was on main, is on the spare now
 * - `moved`: is in another place, and as readable as it was
 * - `lost`: is relocated, and cannot be read any more
 * - `pending`: is on main, which cannot read it any more
 * - `found`: could not be read, and can be now
 * - `returned`: was on the spare, is on main now
 * - `marked`: cannot be read as before, for another reason
 */
export type ChangeKind =
  | "relocated"
  | "moved"
  | "lost"
  | "pending"
  | "found"
  | "returned"
  | "marked";

/** In the order in which a summary shows them. */
export const CHANGE_KINDS: readonly ChangeKind[] = [
  "relocated",
  "moved",
  "lost",
  "pending",
  "found",
  "returned",
  "marked",
];

/** Where a run of sectors is; `undefined`: simply on main. */
export interface Place {
  readonly state: SnapshotState;
  /** Of the first sector, 0 on main. */
  readonly slot: number;
}

export interface Change {
  readonly first: number;
  readonly length: number;
  readonly kind: ChangeKind;
  readonly before?: Place;
  readonly after?: Place;
}

/** Sectors of each kind. */
export type ChangeSummary = Readonly<Record<ChangeKind, number>>;

/**
 * Every sector that is not as it was, ascending. Both tables ascend and do not overlap, as those of
 * a store do, and are asked for as they are needed.
 */
export function* diffEntries(
  before: Iterable<SnapshotEntry>,
  after: Iterable<SnapshotEntry>,
): Generator<Change> {
  using old = new Cursor(before);
  using young = new Cursor(after);
  let waiting: Change | undefined;
  let at = 0;
  while (old.entry !== undefined || young.entry !== undefined) {
    at = Math.max(at, Math.min(old.startFrom(at), young.startFrom(at)));
    const end = Math.min(old.boundaryAfter(at), young.boundaryAfter(at));
    const change = changeOf(at, end - at, old.placeAt(at), young.placeAt(at));
    if (change !== undefined) {
      const joined = waiting && join(waiting, change);
      if (waiting !== undefined && joined === undefined) yield waiting;
      waiting = joined ?? change;
    }
    at = end;
    old.skipTo(at);
    young.skipTo(at);
  }
  if (waiting !== undefined) yield waiting;
}

export function summarize(changes: Iterable<Change>): ChangeSummary {
  const summary = Object.fromEntries(CHANGE_KINDS.map((kind) => [kind, 0]));
  for (const { kind, length } of changes) summary[kind]! += length;
  return summary as ChangeSummary;
}

/**
 * The table as the kernel's replies tell it: they know no reason why content is lost. To be used on
 * both sides if one of them comes from there, or `marked` would say what is not so.
 */
export function* asShown(entries: Iterable<SnapshotEntry>): Generator<SnapshotEntry> {
  for (const entry of entries) yield { ...entry, state: SHOWN[entry.state] };
}

const SHOWN: Readonly<Record<SnapshotState, SnapshotState>> = {
  remapped: "remapped",
  lost: "lost",
  unreadable: "lost",
  wrong_slot: "lost",
  pending: "pending",
  wrong: "pending",
};

/** The one entry of a table that lies at or behind the place that the walk has reached. */
class Cursor implements Disposable {
  readonly #entries: Iterator<SnapshotEntry>;
  #done = false;
  entry: SnapshotEntry | undefined;

  constructor(entries: Iterable<SnapshotEntry>) {
    this.#entries = entries[Symbol.iterator]();
    this.#step();
  }

  startFrom(at: number): number {
    return this.entry === undefined ? Infinity : Math.max(at, this.entry.first);
  }

  boundaryAfter(at: number): number {
    if (this.entry === undefined) return Infinity;
    const { first, length } = this.entry;
    return at < first ? first : first + length;
  }

  placeAt(at: number): Place | undefined {
    if (this.entry === undefined || at < this.entry.first) return undefined;
    const { first, slot, state } = this.entry;
    return { state, slot: hasSlot(state) ? slot + at - first : 0 };
  }

  skipTo(at: number): void {
    while (this.entry !== undefined && this.entry.first + this.entry.length <= at) this.#step();
  }

  #step(): void {
    const { done, value } = this.#entries.next();
    this.#done = done === true;
    this.entry = this.#done ? undefined : value;
  }

  [Symbol.dispose](): void {
    if (!this.#done) this.#entries.return?.();
  }
}

function changeOf(
  first: number,
  length: number,
  before: Place | undefined,
  after: Place | undefined,
): Change | undefined {
  const kind = kindOf(before, after);
  if (kind === undefined) return undefined;
  return { first, length, kind, ...before && { before }, ...after && { after } };
}

function kindOf(before: Place | undefined, after: Place | undefined): ChangeKind | undefined {
  if (before?.state === after?.state && before?.slot === after?.slot) return undefined;
  const wasReadable = isReadable(before);
  if (after === undefined) return isRelocated(before) ? "returned" : "found";
  if (!isReadable(after)) {
    if (isRelocated(after) !== isRelocated(before) || before?.slot !== after.slot) {
      return wasReadable ? unreadableKind(after) : "moved";
    }
    return wasReadable ? unreadableKind(after) : "marked";
  }
  if (!wasReadable) return "found";
  return before === undefined ? "relocated" : "moved";
}

function unreadableKind(place: Place): ChangeKind {
  return isRelocated(place) ? "lost" : "pending";
}

function isReadable(place: Place | undefined): boolean {
  return place === undefined || place.state === "remapped";
}

function isRelocated(place: Place | undefined): boolean {
  return place !== undefined && hasSlot(place.state);
}

/** Two neighbours as one, if they tell the same. */
function join(left: Change, right: Change): Change | undefined {
  if (left.kind !== right.kind || left.first + left.length !== right.first) return undefined;
  if (!follows(left.before, right.before, left.length)) return undefined;
  if (!follows(left.after, right.after, left.length)) return undefined;
  return { ...left, length: left.length + right.length };
}

function follows(left: Place | undefined, right: Place | undefined, distance: number): boolean {
  if (left === undefined || right === undefined) return left === right;
  if (left.state !== right.state) return false;
  return !hasSlot(left.state) || left.slot + distance === right.slot;
}
