// SPDX-License-Identifier: GPL-2.0-only
//
// What was promised by a moment of the recording, sector by sector: where it is, and what it holds.
import { type Begin, type End, GONE, type Kind } from "./marks.ts";
import type { Spare } from "./spares.ts";
import { ON_MAIN, samePlace, sameSpot, type Spot, type Table } from "./table.ts";

/** The sectors of an operation that has begun; one sector has one operation at a time at most. */
interface Running {
  readonly begin: Begin;
  /** Of a flush: per sector, from which value on it will hold. */
  readonly floors?: Int32Array;
  /** Its turn among those that began. */
  readonly turn: number;
}

/** What a read found out of a sector is written down some time later, or is found out again. */
interface Finding {
  readonly before: Spot;
  readonly turn: number;
}

/** Every number that the content of a sector had, and which of them it may still have. */
class History {
  readonly values: number[];
  /** The first that may be found after a crash. */
  floor = 0;
  /** The first that may be read now: more than one after a write that failed. */
  current = 0;

  constructor(value: number) {
    this.values = [value];
  }

  written(value: number, ok: boolean): void {
    this.values.push(value);
    if (ok) this.current = this.values.length - 1;
  }

  /** What can be read now will be read after a crash. */
  settle(from = this.current): void {
    this.floor = Math.max(this.floor, from);
  }

  allows(value: number): boolean {
    return this.values.indexOf(value, this.floor) >= 0;
  }
}

/** Where an operation that is under way may leave a sector that was elsewhere before. */
const MAY_BE: Readonly<Record<Kind, ReadonlySet<string>>> = {
  create: new Set(),
  remove: new Set(),
  remap: new Set(["remapped", "lost"]),
  unmap: new Set(["main", "pending"]),
  write: new Set(["remapped", "main"]),
  read: new Set(["pending", "main", "lost"]),
  flush: new Set(),
  save: new Set(),
  suspend: new Set(),
  migrate: new Set(),
};

/** After these everything that was found out is written down. */
const WRITES_TABLE: ReadonlySet<Kind> = new Set(["save", "suspend", "remove"]);

interface Counts {
  readonly bad: number;
  readonly generation: number;
}

const NOTHING: Counts = { bad: 0, generation: 0 };

export class Promises {
  readonly spots: Spot[];
  readonly #histories: History[];
  readonly #running = new Map<number, Running>();
  /** Of each sector, what is under way. */
  readonly #touching: (Begin | undefined)[];
  readonly #findings = new Map<number, Finding>();
  #turn = 0;
  /** Bad slots that must be known, and the generation that the metadata must have reached. */
  #counts: Counts;
  /** The spare that counts, as far as is known. */
  spare: Spare = 0;
  /** At the beginning both spares could be loaded. */
  bothCount = false;
  /** Since a migration has begun, nobody knows of what spare the numbers of slots are. */
  #slotsMove = false;
  /** The spare has metadata: `create` was acknowledged. */
  formatted: boolean;

  /** @param contents the number of each sector's stamp, or {@linkcode GONE} */
  constructor(table: Table, contents: readonly number[], formatted: boolean) {
    this.spots = [...table.spots];
    this.#histories = contents.map((value) => new History(value));
    this.#touching = this.spots.map(() => undefined);
    this.#counts = { bad: table.bad, generation: 0 };
    this.formatted = formatted;
  }

  get migrating(): boolean {
    return [...this.#running.values()].some(({ begin }) => begin.kind === "migrate");
  }

  /** What the metadata of a spare must know; nothing is known of one that is being filled. */
  countsOf(spare: Spare): Counts {
    return spare === this.spare && !this.#slotsMove ? this.#counts : NOTHING;
  }

  /** Whether a sector that is there is where it was told to be. */
  get same(): typeof sameSpot {
    return this.#slotsMove ? samePlace : sameSpot;
  }

  /** The table as the target has listed it while nothing else went on. */
  settleSlots(spots: readonly Spot[]): void {
    if (!this.#slotsMove) return;
    spots.forEach((spot, sector) => this.spots[sector] = spot);
    this.#slotsMove = false;
    this.#counts = NOTHING;
  }

  begin(begin: Begin): void {
    const floors = begin.kind === "flush"
      ? Int32Array.from(this.#histories, ({ current }) => current)
      : undefined;
    const turn = ++this.#turn;
    this.#running.set(begin.op, { begin, turn, ...(floors === undefined ? {} : { floors }) });
    this.#each(begin, (sector) => this.#touching[sector] = begin);
    this.#slotsMove ||= begin.kind === "migrate";
  }

  end(end: End): void {
    const running = this.#running.get(end.op);
    if (running === undefined) throw new Error(`operation ${end.op} ends and never began`);
    const { begin, floors, turn } = running;
    this.#running.delete(end.op);
    this.#each(begin, (sector) => this.#touching[sector] = undefined);
    if (begin.kind === "write") this.#written(begin, end.ok);
    this.#move(begin, end);
    if (end.ok) {
      if (begin.kind === "create") this.formatted = true;
      if (WRITES_TABLE.has(begin.kind)) this.#forgetFindings(turn);
      if (begin.kind === "migrate") this.spare = this.spare === 0 ? 1 : 0;
      floors?.forEach((floor, sector) => this.#histories[sector]?.settle(floor));
    }
    if (this.#slotsMove) return;
    const { bad, generation } = this.#counts;
    this.#counts = {
      bad: Math.max(bad, end.bad ?? 0),
      generation: Math.max(generation, end.generation ?? 0),
    };
  }

  #written(begin: Begin, ok: boolean): void {
    this.#each(begin, (sector) => {
      const history = this.#histories[sector]!;
      history.written(begin.sequence ?? GONE, ok);
      if (ok && begin.fua === true) history.settle();
    });
  }

  /** What moved took its content along, durably. */
  #move({ kind }: Begin, { places }: End): void {
    for (const [first, count, place, slot] of places) {
      for (let index = 0; index < count; index++) {
        const spot: Spot = place === "main"
          ? ON_MAIN
          : { place, slot: slot < 0 ? -1 : slot + index };
        const sector = first + index;
        const before = this.spots[sector]!;
        this.spots[sector] = spot;
        if (this.same(before, spot)) continue;
        if (kind === "read") this.#find(sector, before);
        else this.#findings.delete(sector);
        const history = this.#histories[sector]!;
        // What cannot be read any more may be there all the same, until it is written anew.
        if (kind === "read") continue;
        if (place === "lost") history.written(GONE, true);
        if (kind === "unmap" || slot >= 0) history.settle();
      }
    }
  }

  #find(sector: number, before: Spot): void {
    const known = this.#findings.get(sector);
    this.#findings.set(sector, { before: known?.before ?? before, turn: ++this.#turn });
  }

  #forgetFindings(turn: number): void {
    for (const [sector, finding] of this.#findings) {
      if (finding.turn < turn) this.#findings.delete(sector);
    }
  }

  #each({ ranges }: Begin, action: (sector: number) => void): void {
    for (const [first, count] of ranges) {
      for (let sector = first; sector < first + count; sector++) action(sector);
    }
  }

  running(): IterableIterator<Running> {
    return this.#running.values();
  }

  /** What is wrong with a sector being there after a crash; nothing if that may be. */
  spotProblem(sector: number, seen: Spot): string | undefined {
    const spot = this.spots[sector]!;
    if (this.same(spot, seen)) return undefined;
    const before = this.#findings.get(sector)?.before;
    if (before !== undefined && this.same(before, seen)) return undefined;
    const begin = this.#touching[sector];
    if (begin !== undefined && MAY_BE[begin.kind].has(seen.place)) return undefined;
    // A slot that could not be read can be read again.
    const sameSlot = seen.slot === spot.slot || this.#slotsMove && spot.slot >= 0;
    if (begin?.kind === "read" && seen.place === "remapped" && sameSlot) return undefined;
    return begin === undefined ? "" : ` (and ${begin.kind} ${begin.op} was under way)`;
  }

  /** Whether a sector may hold this after a crash. */
  mayHold(sector: number, value: number): boolean {
    if (this.#histories[sector]!.allows(value)) return true;
    const begin = this.#touching[sector];
    return begin?.kind === "write" && begin.sequence === value;
  }

  /** What a sector may hold, in words. */
  expected(sector: number): string {
    const { values, floor } = this.#histories[sector]!;
    const begin = this.#touching[sector];
    const words = values.slice(floor).map((value) => value === GONE ? "nothing" : `write ${value}`);
    if (begin?.kind === "write") words.push(`write ${begin.sequence}`);
    return words.join(" or ");
  }
}
