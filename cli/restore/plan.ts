// SPDX-License-Identifier: GPL-2.0-only
// What becomes of every sector when a snapshot is restored. Pure: nothing here reads or writes.
import { hasSlot } from "../metadata/extent.ts";
import type { SnapshotEntry } from "../store/types.ts";
import { loseTaken } from "./taken.ts";
import { follow, name, startTracks, type Track } from "./track.ts";
import type { Decision, Fate, Knowledge, Reason, Span } from "./types.ts";
import { zip } from "./zip.ts";

/** All that a plan follows from. */
export interface PlanInput {
  /** Of the snapshot, ascending. */
  readonly entries: Iterable<SnapshotEntry>;
  /** Sectors whose content the snapshot has, ascending. */
  readonly content: readonly Span[];
  /** Those that are newer in the order of their times; then those whose time is not certain. */
  readonly knowledge: readonly Knowledge[];
  /** Sectors that are newer because the user says so, ascending. */
  readonly named?: readonly Span[];
  /** Slots of the old spare hold what they should. */
  readonly trustSlots: boolean;
}

/**
 * Every sector that is not simply on main, or was not in the snapshot, ascending. Content of the
 * snapshot goes only to sectors of which nothing says that theirs is newer.
 */
export function planFates(input: PlanInput): Decision[] {
  const { knowledge, named = [] } = input;
  let tracks = startTracks(input.entries);
  const inTime = [...knowledge.keys()].sort((a, b) =>
    Number(knowledge[a]!.order === "unsure") - Number(knowledge[b]!.order === "unsure")
  );
  for (const index of inTime) {
    tracks = follow(tracks, knowledge[index]!, index);
    // What is whole says itself where the sector is now.
    if (knowledge[index]!.partial === true) tracks = loseTaken(tracks, knowledge[index]!, index);
  }
  if (named.length > 0) tracks = name(tracks, named);
  const decisions: Decision[] = [];
  for (const { first, length, a, b } of zip(tracks, input.content)) {
    if (a === undefined) continue;
    const decision = decide(a, first, length, b !== undefined, input.trustSlots);
    if (decision !== undefined) push(decisions, decision);
  }
  return decisions;
}

function decide(
  track: Track,
  first: number,
  length: number,
  hasContent: boolean,
  trustSlots: boolean,
): Decision | undefined {
  const { was } = track;
  const slot = hasSlot(was) ? track.wasSlot + first - track.first : 0;
  const as = (fate: Fate, reason: Reason, by: number) => ({
    ...{ first, length, was, slot },
    ...{ fate, reason, by },
  });
  if (track.change === "named") return as("lost", "named", -1);
  if (track.doubt !== undefined) return as("lost", track.doubt, track.doubtBy);
  if (!hasSlot(track.now)) return onMain(track, as);
  if (trustSlots && isAgreed(track)) return as("kept", "slot-agrees", track.nowBy);
  if (track.change !== undefined) return as("lost", track.change, track.changeBy);
  if (was !== "remapped") return as("lost", "was-lost", -1);
  return hasContent ? as("content", "snapshot", -1) : as("lost", "no-content", -1);
}

type As = (fate: Fate, reason: Reason, by: number) => Decision;

/** What is on main is there as it should be, whatever the snapshot said of it. */
function onMain({ was, now, nowBy }: Track, as: As): Decision | undefined {
  if (now === "main") return was === "main" ? undefined : as("main", "on-main", nowBy);
  const fate = now === "wrong" ? "wrong" : "pending";
  return was === now ? as(fate, "snapshot", -1) : as(fate, "on-main", nowBy);
}

function isAgreed(track: Track): boolean {
  return track.was === "remapped" && track.now === "remapped" && track.comparable &&
    track.wasSlot === track.nowSlot;
}

function push(decisions: Decision[], next: Decision): void {
  const last = decisions.at(-1);
  if (last !== undefined && continues(last, next)) {
    decisions[decisions.length - 1] = { ...last, length: last.length + next.length };
  } else decisions.push(next);
}

function continues(last: Decision, next: Decision): boolean {
  return last.first + last.length === next.first && last.fate === next.fate &&
    last.reason === next.reason && last.by === next.by && last.was === next.was &&
    (!hasSlot(last.was) || last.slot + last.length === next.slot);
}
