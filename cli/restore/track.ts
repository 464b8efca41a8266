// SPDX-License-Identifier: GPL-2.0-only
// What is known of each sector from the snapshot on. A pure fold: one table after the other.
import { hasSlot } from "../metadata/extent.ts";
import type { SnapshotEntry, SnapshotState } from "../store/types.ts";
import type { Kinship, Knowledge, Reason, Span } from "./types.ts";
import { zip } from "./zip.ts";

export type State = SnapshotState | "main";

/** Of a run of sectors. Slots are those of its first sector, 0 on main. */
export interface Track extends Span {
  readonly was: State;
  readonly wasSlot: number;
  /** By the newest knowledge whose time is certain. */
  readonly now: State;
  readonly nowSlot: number;
  /** Index of that; -1: the snapshot. */
  readonly nowBy: number;
  /** Is `nowSlot` a slot of the snapshot's spare? */
  readonly comparable: boolean;
  /** Why its content may be newer than the snapshot's, if anything says so. */
  readonly change: Reason | undefined;
  readonly changeBy: number;
  /** Why, if somebody who may be the latest says otherwise. */
  readonly doubt: Reason | undefined;
  readonly doubtBy: number;
}

/** The snapshot by itself. */
export function startTracks(entries: Iterable<SnapshotEntry>): Track[] {
  const tracks: Track[] = [];
  for (const { first, length, state, slot } of entries) {
    tracks.push(start(first, length, state, slot));
  }
  return tracks;
}

function start(first: number, length: number, state: State, slot: number): Track {
  return {
    first,
    length,
    was: state,
    wasSlot: slot,
    now: state,
    nowSlot: slot,
    nowBy: -1,
    comparable: true,
    change: undefined,
    changeBy: -1,
    doubt: undefined,
    doubtBy: -1,
  };
}

/** Takes up another table. Those that are `newer` come first, and in the order of their times. */
export function follow(tracks: readonly Track[], knowledge: Knowledge, index: number): Track[] {
  const result: Track[] = [];
  for (const { first, length, a, b } of zip(tracks, knowledge.entries)) {
    const track = a === undefined ? start(first, length, "main", 0) : cut(a, first, length);
    if (b === undefined && knowledge.partial === true) {
      push(result, track);
      continue;
    }
    const state = b === undefined ? "main" : b.state;
    const slot = b !== undefined && hasSlot(b.state) ? b.slot + first - b.first : 0;
    push(result, step(track, { state, slot, knowledge, index }));
  }
  return mark(
    result,
    knowledge.differing ?? [],
    ({ change }) => change === undefined ? { change: "rewritten", changeBy: index } : {},
  );
}

/** Sectors that are newer because the user says so, whatever else is known of them. */
export function name(tracks: readonly Track[], spans: readonly Span[]): Track[] {
  return mark(tracks, spans, () => ({ change: "named", changeBy: -1 }));
}

/** Of the sectors of `spans`, what `change` makes of a track; it keeps the others. */
export function mark(
  tracks: readonly Track[],
  spans: readonly Span[],
  change: (track: Track) => Partial<Track>,
): Track[] {
  const result: Track[] = [];
  for (const { first, length, a, b } of zip(tracks, spans)) {
    const track = a === undefined ? start(first, length, "main", 0) : cut(a, first, length);
    push(result, b === undefined ? track : { ...track, ...change(track) });
  }
  return result;
}

interface Said {
  readonly state: State;
  readonly slot: number;
  readonly knowledge: Knowledge;
  readonly index: number;
}

function step(track: Track, { state, slot, knowledge: { order, kinship }, index }: Said): Track {
  const comparable = kinship === "same";
  const change = changeOf(track, state, slot, kinship);
  const changed = change === undefined || track.change !== undefined
    ? {}
    : { change, changeBy: index };
  if (order === "newer") {
    // A live table has one word for both; what was wrong must not be read again for that.
    const now = state === "pending" && track.now === "wrong" ? "wrong" : state;
    return { ...track, now, nowSlot: slot, nowBy: index, comparable, ...changed };
  }
  if (isConsistent(track, state, slot, kinship)) return track;
  if (!hasSlot(state) && !hasSlot(track.now)) {
    // Both have it on main: what cannot be read there does not become readable by a guess.
    return track.now === "main" ? { ...track, now: state, nowBy: index } : track;
  }
  if (track.doubt !== undefined) return track;
  const doubt = change === undefined || !hasSlot(state) ? "order-unknown" : change;
  return { ...track, doubt, doubtBy: index };
}

/** May a table of an unknown time be the latest one without anything being different then? */
function isConsistent(track: Track, state: State, slot: number, kinship: Kinship): boolean {
  if (track.now !== state) return false;
  if (!hasSlot(state)) return true;
  if (kinship === "other") return false;
  if (kinship === "linked") return true;
  // What is known to be later is of another spare: of this one, the snapshot has the slot to compare.
  return slot === (track.comparable ? track.nowSlot : track.wasSlot);
}

/** What must have happened since the snapshot for a sector to be there now. */
function changeOf(
  { was, wasSlot }: Track,
  state: State,
  slot: number,
  kinship: Kinship,
): Reason | undefined {
  if (!hasSlot(was)) {
    if (hasSlot(state)) return "relocated";
    return was === state ? undefined : "returned";
  }
  if (!hasSlot(state)) return "returned";
  if (was === "remapped" && state !== "remapped") return "lost-since";
  if (was !== "remapped" && state === "remapped") return "written";
  if (kinship === "other" || kinship === "same" && slot !== wasSlot) return "moved";
  return was === state ? undefined : "lost-since";
}

/** The part of a run that begins at `first`. */
function cut(track: Track, first: number, length: number): Track {
  if (track.first === first && track.length === length) return track;
  const by = first - track.first;
  return {
    ...track,
    first,
    length,
    wasSlot: hasSlot(track.was) ? track.wasSlot + by : 0,
    nowSlot: hasSlot(track.now) ? track.nowSlot + by : 0,
  };
}

/** Neighbours of which the same is known become one. */
function push(tracks: Track[], track: Track): void {
  const last = tracks.at(-1);
  if (last === undefined || !continues(last, track)) tracks.push(track);
  else tracks[tracks.length - 1] = { ...last, length: last.length + track.length };
}

function continues(last: Track, next: Track): boolean {
  const { length } = last;
  return last.first + length === next.first && last.was === next.was && last.now === next.now &&
    (!hasSlot(last.was) || last.wasSlot + length === next.wasSlot) &&
    (!hasSlot(last.now) || last.nowSlot + length === next.nowSlot) &&
    last.nowBy === next.nowBy && last.comparable === next.comparable &&
    last.change === next.change && last.changeBy === next.changeBy &&
    last.doubt === next.doubt && last.doubtBy === next.doubtBy;
}
