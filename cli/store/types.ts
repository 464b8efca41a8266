// SPDX-License-Identifier: GPL-2.0-only
// What a store of snapshots holds and gives. All places and lengths are sectors of 512 bytes.
import type { ExtentState } from "../metadata/extent.ts";

/** States that a snapshot keeps; bad slots have a list of their own. */
export type SnapshotState = Exclude<ExtentState, "main" | "bad">;

/**
 * A run of sectors that are not simply on main. Runs ascend by `first`, do not overlap, and are as
 * long as they can be: neighbours of one state whose slots follow each other are one run, which may
 * be longer than what one entry of the metadata holds.
 */
export interface SnapshotEntry {
  /** Sector of the target. */
  readonly first: number;
  readonly length: number;
  readonly state: SnapshotState;
  /** Sectors from the start of the spare range; 0 for what lies on main (`pending`, `wrong`). */
  readonly slot: number;
}

/** Slots that are never used again. They ascend, and do not overlap or touch. */
export interface BadSlots {
  /** Sectors from the start of the spare range. */
  readonly slot: number;
  readonly length: number;
}

/** The largest `bytes` of a {@linkcode SlotData}. */
export const MAX_PIECE = 64 * 1024;

/** The content of relocated sectors. Pieces ascend, do not overlap, and may leave sectors out. */
export interface SlotData {
  /** Sector of the target. */
  readonly first: number;
  readonly length: number;
  /** `length` sectors, at most {@linkcode MAX_PIECE}. */
  readonly bytes: Uint8Array;
}

/** Which device a snapshot is of, with all that a superblock says of it. */
export interface DeviceIdentity {
  /** Of the mapped device. */
  readonly name: string;
  /** Of the metadata; none for a volatile device. */
  readonly uuid?: string;
  /** Of the spare that the content of this one came from by a migration. */
  readonly predecessorUuid?: string;
  /** What identifies the main device, as `identityOf` says it; empty if nothing does. */
  readonly mainId: string;
  /** Where the main device was then; empty if that is not known. */
  readonly mainPath: string;
  readonly mainStart: number;
  /** Length of the target. */
  readonly mainSectors: number;
  readonly mainDeviceSectors: number;
  /** Main's logical block. */
  readonly blockSectors: number;
  /** Where the spare was then; empty if that is not known. */
  readonly sparePath: string;
  readonly spareStart: number;
  /** The range, metadata and slots. */
  readonly spareSectors: number;
  readonly spareDeviceSectors: number;
  /** Feature arguments of the table line. */
  readonly args: string;
}

/** From the live table, or from the metadata of a spare that is not in use. */
export type SnapshotSource = "live" | "offline";

/** What whoever takes a snapshot says of it. */
export interface NewSnapshot {
  readonly device: DeviceIdentity;
  /** ISO 8601 with milliseconds, in UTC: `new Date().toISOString()`. */
  readonly takenAt: string;
  /** Why, in the user's words. */
  readonly reason: string;
  readonly source: SnapshotSource;
  /** Of the metadata; 0 for a volatile device. */
  readonly generation: number;
  /** The counter of that name; only of a live table. */
  readonly tableChanges?: number;
  /** One of `HEALTH_STATES`; `unknown` for a spare that is not in use. */
  readonly health: string;
  /** The counters of `stats` by their JSON names (`typeStats(...).known`); none offline. */
  readonly counters: Readonly<Record<string, bigint>>;
  readonly host: string;
  readonly toolVersion: string;
  /** Of the loaded module; empty offline. */
  readonly moduleVersion: string;
  /** Is the content of the slots kept as well? */
  readonly withData: boolean;
}

/** A snapshot without its lists. */
export interface SnapshotHead extends NewSnapshot {
  /** Of this store; another store has another number for the same snapshot. */
  readonly id: number;
  /** Of this store: snapshots of one device have the same, whatever its name and spare were. */
  readonly deviceId: number;
  /** SHA-256 of the entries and bad slots, 64 hex digits: equal tables have equal digests. */
  readonly digest: string;
  /** SHA-256 of the content, in the same way; that of nothing without content. */
  readonly dataDigest: string;
  /** SHA-256 of all the above but the two numbers: the snapshot's own mark in any store. */
  readonly seal: string;
  /** Runs. */
  readonly entries: number;
  /** Sectors relocated, lost ones among them. */
  readonly remappedSectors: number;
  /** Sectors relocated whose content cannot be read. */
  readonly lostSectors: number;
  /** Sectors on main that cannot be read. */
  readonly pendingSectors: number;
  /** Sectors of slots that are not used any more. */
  readonly badSectors: number;
  /** Bytes of content, before compression. */
  readonly dataBytes: number;
}

/** A source that may have to wait for what it gives. Whatever it throws undoes the snapshot. */
export type Source<T> = Iterable<T> | AsyncIterable<T>;

/** The lists of a snapshot; `entries` and `data` are asked for as they are written, in this order. */
export interface SnapshotContent {
  /** In ascending order; runs may be cut anywhere. */
  readonly entries: Source<SnapshotEntry>;
  readonly badSlots?: Source<BadSlots>;
  readonly data?: Source<SlotData>;
  /** If it is known, as of a copy: another one that comes out is refused. */
  readonly seal?: string;
}

/** Which snapshots; all that is given must hold. */
export interface HeadFilter {
  /** Name of the mapped device when it was taken. */
  readonly name?: string;
  readonly deviceId?: number;
  /** Snapshots of the same device as this one, see `isSameDevice`. */
  readonly device?: DeviceIdentity;
}

/** An open store, see `openStore` in open.ts. */
export interface Store extends Disposable {
  readonly path: string;
  readonly readOnly: boolean;
  /**
   * Takes all in one transaction: a snapshot is whole, or not there.
   * @throws {InvalidSnapshotError} for lists that cannot be
   * @throws {SnapshotExistsError} if the very same snapshot is there already
   */
  takeSnapshot(snapshot: NewSnapshot, content: SnapshotContent): Promise<SnapshotHead>;
  /** Oldest first. */
  heads(filter?: HeadFilter): SnapshotHead[];
  /** Numbers of all that can be found, even if nothing else of them can be read. */
  ids(): number[];
  /** @throws {SnapshotNotFoundError} */
  head(id: number): SnapshotHead;
  /**
   * `latest`, or the number of a snapshot.
   * @param filter what `latest` is looked for among; a number must fit it as well
   * @throws {SnapshotNotFoundError}
   */
  find(reference: string, filter?: HeadFilter): SnapshotHead;
  /**
   * The digest is checked before the first entry is given. The lists can be gone through as often
   * as one likes, and are read anew each time.
   * @throws {StoreDamagedError}
   */
  entries(id: number): Iterable<SnapshotEntry>;
  badSlots(id: number): Iterable<BadSlots>;
  /**
   * Each piece is checked before it is given.
   * @throws {StoreDamagedError}
   */
  data(id: number): Iterable<SlotData>;
  /** In one transaction. Numbers that are not there are left out of the result. */
  remove(ids: Iterable<number>): RemovedSnapshots;
  /** Everything that is wrong, without changing anything. Never throws for damage. */
  check(options?: CheckOptions): StoreReport;
  /** Bytes of the file and of its write-ahead log. */
  sizeBytes(): number;
}

export interface OpenOptions {
  /** Nothing is ever written, not even a journal. */
  readonly readOnly?: boolean;
  /** Make the file (0600) and its folders (0700) if they are not there. */
  readonly create?: boolean;
  /** How long to wait for another process. */
  readonly busyTimeoutMs?: number;
}

export interface RemovedSnapshots {
  readonly ids: readonly number[];
  /** Of the store, given back to the file system. */
  readonly freedBytes: number;
}

export interface CheckOptions {
  /** The database's own structure only, not the digests and the content. */
  readonly quick?: boolean;
  /** Is called after each snapshot. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Something wrong in a store. */
export interface StoreFinding {
  /** For programs: `structure`, `reference`, `head`, `digest`, `content`, `orphan`. */
  readonly code: string;
  /** The snapshot it concerns, if it can be told. */
  readonly id?: number;
  readonly message: string;
}

export interface StoreReport {
  readonly path: string;
  /** Empty: all is well. */
  readonly findings: readonly StoreFinding[];
  /** Looked at. */
  readonly snapshots: number;
  readonly entries: number;
  readonly dataBytes: number;
}
