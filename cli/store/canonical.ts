// SPDX-License-Identifier: GPL-2.0-only
// One way to write a table down: whoever takes it, in whatever pieces, gets the same digest.
import { createHash, type Hash } from "node:crypto";
import { hasSlot } from "../metadata/extent.ts";
import { SECTOR_SIZE } from "../metadata/format.ts";
import {
  type BadSlots,
  MAX_PIECE,
  type SlotData,
  type SnapshotEntry,
  type SnapshotState,
} from "./types.ts";

/** Their places are their numbers in the database. */
export const SNAPSHOT_STATES: readonly SnapshotState[] = [
  "remapped",
  "lost",
  "pending",
  "unreadable",
  "wrong",
  "wrong_slot",
];

const KNOWN = new Set<string>(SNAPSHOT_STATES);

/** What the lists of a snapshot must stay inside of; a `DeviceIdentity` has both. */
export interface TableBounds {
  readonly mainSectors: number;
  readonly spareSectors: number;
}

/** What is wrong with a list; the caller knows of which snapshot. */
export class ListError extends Error {
  override readonly name = "ListError";
}

export interface TableCounts {
  readonly entries: number;
  readonly remappedSectors: number;
  readonly lostSectors: number;
  readonly pendingSectors: number;
}

/**
 * Takes the entries of a table in order, and hands them on in runs that are as long as can be.
 * Everything throws {@linkcode ListError} for what cannot be.
 */
export class EntryJoiner {
  readonly #counts = { entries: 0, remappedSectors: 0, lostSectors: 0, pendingSectors: 0 };
  #waiting: { first: number; length: number; state: SnapshotState; slot: number } | undefined;

  constructor(
    private readonly bounds: TableBounds,
    private readonly emit: (entry: SnapshotEntry) => void,
  ) {}

  push(entry: SnapshotEntry): void {
    const waiting = this.#waiting;
    const problem = entryProblem(this.bounds, waiting, entry);
    if (problem !== undefined) throw new ListError(`${describe(entry)}: ${problem}`);
    if (waiting !== undefined && isFollowedBy(waiting, entry)) waiting.length += entry.length;
    else {
      this.#flush();
      this.#waiting = { ...entry };
    }
  }

  finish(): TableCounts {
    this.#flush();
    return this.#counts;
  }

  #flush(): void {
    const entry = this.#waiting;
    if (entry === undefined) return;
    this.#waiting = undefined;
    this.#counts.entries++;
    if (!hasSlot(entry.state)) this.#counts.pendingSectors += entry.length;
    else {
      this.#counts.remappedSectors += entry.length;
      if (entry.state !== "remapped") this.#counts.lostSectors += entry.length;
    }
    this.emit(entry);
  }
}

/** The same for slots that are not used any more. */
export class BadSlotJoiner {
  #waiting: { slot: number; length: number } | undefined;
  #sectors = 0;

  constructor(
    private readonly bounds: TableBounds,
    private readonly emit: (slots: BadSlots) => void,
  ) {}

  push({ slot, length }: BadSlots): void {
    const waiting = this.#waiting;
    const end = waiting === undefined ? 0 : waiting.slot + waiting.length;
    const problem = rangeProblem(slot, length, end, this.bounds.spareSectors, "the spare range");
    if (problem !== undefined) throw new ListError(`bad slots ${slot}+${length}: ${problem}`);
    this.#sectors += length;
    if (waiting !== undefined && slot === end) waiting.length += length;
    else {
      this.#flush();
      this.#waiting = { slot, length };
    }
  }

  /** How many sectors. */
  finish(): number {
    this.#flush();
    return this.#sectors;
  }

  #flush(): void {
    if (this.#waiting !== undefined) this.emit(this.#waiting);
    this.#waiting = undefined;
  }
}

/** Checks that pieces of content ascend and are what they say. */
export class PieceChecker {
  #end = 0;

  constructor(private readonly bounds: TableBounds) {}

  check({ first, length, bytes }: SlotData): void {
    const problem = rangeProblem(
      first,
      length,
      this.#end,
      this.bounds.mainSectors,
      "the device",
    ) ??
      (bytes.length !== length * SECTOR_SIZE
        ? `${bytes.length} bytes are not ${length} sectors`
        : bytes.length > MAX_PIECE
        ? "longer than a piece may be"
        : undefined);
    if (problem !== undefined) throw new ListError(`content of ${first}+${length}: ${problem}`);
    this.#end = first + length;
  }
}

/** Of the entries, then the bad slots; all must be in their longest runs. */
export class TableDigest {
  readonly #lines = new LineHash();

  entry({ first, length, state, slot }: SnapshotEntry): void {
    this.#lines.push(`${state} ${first} ${length} ${slot}\n`);
  }

  badSlots({ slot, length }: BadSlots): void {
    this.#lines.push(`bad ${slot} ${length}\n`);
  }

  hex(): string {
    return this.#lines.hex();
  }
}

/** Of where the pieces of content belong, and of the digest of each. */
export class DataDigest {
  readonly #lines = new LineHash();
  #bytes = 0;

  piece(first: number, length: number, sha256: string): void {
    this.#bytes += length * SECTOR_SIZE;
    this.#lines.push(`${first} ${length} ${sha256}\n`);
  }

  get bytes(): number {
    return this.#bytes;
  }

  hex(): string {
    return this.#lines.hex();
  }
}

/** A hash is asked less often than once a line. */
class LineHash {
  readonly #hash: Hash = createHash("sha256");
  #text = "";

  push(line: string): void {
    this.#text += line;
    if (this.#text.length < 0x4000) return;
    this.#hash.update(this.#text);
    this.#text = "";
  }

  /** Ends it. */
  hex(): string {
    return this.#hash.update(this.#text).digest("hex");
  }
}

function entryProblem(
  bounds: TableBounds,
  previous: SnapshotEntry | undefined,
  { first, length, state, slot }: SnapshotEntry,
): string | undefined {
  if (!KNOWN.has(state)) return "unknown state";
  const end = previous === undefined ? 0 : previous.first + previous.length;
  const problem = rangeProblem(first, length, end, bounds.mainSectors, "the device");
  if (problem !== undefined) return problem;
  if (!hasSlot(state)) return slot === 0 ? undefined : "a slot for a sector on main";
  return rangeProblem(slot, length, 0, bounds.spareSectors, "the spare range");
}

function rangeProblem(
  start: number,
  length: number,
  from: number,
  to: number,
  where: string,
): string | undefined {
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(length) || start < 0 || length < 1) {
    return "no run of sectors";
  }
  if (start + length > to) return `reaches beyond the end of ${where} at ${to}`;
  return start < from ? "overlaps the one before, or does not ascend" : undefined;
}

function isFollowedBy(left: SnapshotEntry, right: SnapshotEntry): boolean {
  if (left.state !== right.state || left.first + left.length !== right.first) return false;
  return !hasSlot(left.state) || left.slot + left.length === right.slot;
}

function describe({ first, length, state }: SnapshotEntry): string {
  return `${state} ${first}+${length}`;
}
