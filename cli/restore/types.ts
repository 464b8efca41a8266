// SPDX-License-Identifier: GPL-2.0-only
// What is known of a device since a snapshot, and what becomes of its sectors.
import type { SnapshotEntry, SnapshotState } from "../store/types.ts";

/** A run of sectors of the target. */
export interface Span {
  readonly first: number;
  readonly length: number;
}

/**
 * How something that is known stands to the snapshot in time:
 * - `newer`: later for certain
 * - `unsure`: nobody can say which of the two is later
 */
export type Order = "newer" | "unsure";

/**
 * What its slots are to those of the snapshot:
 * - `same`: of the same spare, so that a slot tells
 * - `linked`: of a spare that its content moved to: slots say nothing, states do
 * - `other`: of a table that began anew
 */
export type Kinship = "same" | "linked" | "other";

/** A table of the same device, at another time. */
export interface Knowledge {
  readonly order: Order;
  readonly kinship: Kinship;
  /** Ascending; what is not in it is on main. */
  readonly entries: Iterable<SnapshotEntry>;
  /** There may have been more entries: nothing is known of what is not in it. */
  readonly partial?: boolean;
  /** Sectors whose content is not that of the snapshot. Ascending. */
  readonly differing?: readonly Span[];
}

/**
 * - `content`: gets a slot, with the snapshot's content in it
 * - `kept`: keeps its slot, and what that holds
 * - `lost`: gets a slot that says that its content is lost: reads fail until it is written
 * - `pending`, `wrong`: is on main, which could not read it, or not as it was written
 * - `main`: is on main
 */
export type Fate = "content" | "kept" | "lost" | "pending" | "wrong" | "main";

/**
 * Why. Of what is restored or stays:
 * - `snapshot`: as in the snapshot
 * - `slot-agrees`: snapshot and newest knowledge give it the same slot, which is trusted
 * - `on-main`: the newest knowledge has it on main
 *
 * Of what is lost:
 * - `was-lost`: it was lost when the snapshot was taken
 * - `no-content`: the snapshot has no content of it
 * - `relocated`: it was relocated after the snapshot
 * - `moved`: it was relocated anew, to another slot
 * - `returned`: it was back on main in the meantime
 * - `written`: it was lost at the snapshot, and written after it
 * - `rewritten`: its content is another one since
 * - `slot-taken`: its slot went to another sector
 * - `lost-since`: its content was lost after the snapshot
 * - `order-unknown`: another table says otherwise, and may be the later one
 * - `named`: the user says that it is newer
 * - `slot-unreadable`: its slot could not be read
 */
export type Reason =
  | "snapshot"
  | "slot-agrees"
  | "on-main"
  | "was-lost"
  | "no-content"
  | "relocated"
  | "moved"
  | "returned"
  | "written"
  | "rewritten"
  | "slot-taken"
  | "lost-since"
  | "order-unknown"
  | "named"
  | "slot-unreadable";

/** What becomes of a run of sectors, and why. */
export interface Decision extends Span {
  readonly fate: Fate;
  readonly reason: Reason;
  /** The knowledge that decided it, by its index; -1: the snapshot itself. */
  readonly by: number;
  /** State in the snapshot. */
  readonly was: SnapshotState | "main";
  /** Of the first sector, in the snapshot; 0 if it had none. */
  readonly slot: number;
}
