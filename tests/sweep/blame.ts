// SPDX-License-Identifier: GPL-2.0-only
//
// Which consequences a fault may have, and which the target has to hide. Pure.
import type { Place } from "../../cli/device/messages.ts";
import { type Range, sectorsOf } from "../suite/guest/range.ts";
import type { Fault, FaultState, Side, Victim } from "./faults.ts";
import { SECTORS } from "./rig.ts";

/** What was known to be bad before the fault was armed, in the target's and the spare's sectors. */
export interface KnownBad {
  /** Sectors of the target that main cannot read, or that were lost already. */
  readonly unreadable: ReadonlySet<number>;
  /** Sectors of the target that main cannot write. */
  readonly unwritable: ReadonlySet<number>;
  /** Spare sectors that fail in any direction. */
  readonly slots: ReadonlySet<number>;
  /** Sectors that fail when they are first tried by themselves, and not again. */
  readonly weak: ReadonlySet<number>;
}

/** What the target was told to do. */
export interface Manners {
  /** It relocates by itself, and tries again, what users' I/O meets. */
  readonly automatic: boolean;
  /** It relocates what it could read at a second try only. */
  readonly proactive: boolean;
  /** One failure of a write to a pending sector is enough. */
  readonly verifiesPending: boolean;
}

/** Where the spare has metadata: before the slots, the journal's ring at its end. */
export interface MetadataPlace {
  /** Sectors of the spare. */
  readonly journal: number;
  readonly slots: number;
}

/** The sector that a request in the middle of a fault was about; tests/sweep/module chooses so. */
function middle({ first, count }: Range): number {
  return first + Math.floor(count / 2);
}

export class Blame {
  /** The request that the fault was armed for; undefined if it did not come. */
  readonly victim: Victim | undefined;

  constructor(
    readonly fault: Fault,
    readonly state: FaultState,
    readonly known: KnownBad,
    readonly manners: Manners,
    readonly mainStart: number,
    readonly metadata?: MetadataPlace,
  ) {
    this.victim = state.victim;
  }

  get fired(): boolean {
    return this.victim !== undefined;
  }

  /** Nobody may notice: a bad sector, or one that a second try helps. */
  get mustBeHidden(): boolean {
    if (this.victim === undefined) return true;
    return this.fault.mode !== "gone" && this.fault.status !== "transport" &&
      this.victim.op !== "flush" && !this.#isStuck;
  }

  /** A block of the metadata stays bad that nothing can take the place of. */
  get #isStuck(): boolean {
    const { victim, metadata, fault } = this;
    if (victim?.side !== "spare" || fault.mode !== "sector" || metadata === undefined) return false;
    const { first } = victim.range;
    // For a block of the ring that cannot be written there is a checkpoint.
    return victim.op === "flush" || first < metadata.journal ||
      (victim.op === "read" && first < metadata.slots);
  }

  /** May a start have been refused? */
  get mayRefuse(): boolean {
    return this.mayBeReadOnly || (this.victim?.side === "spare" && !this.mustBeHidden);
  }

  /** May the metadata have become read-only? */
  get mayBeReadOnly(): boolean {
    const { victim, metadata, fault } = this;
    if (victim?.side !== "spare" || metadata === undefined) return false;
    return fault.mode === "gone" || this.#isStuck;
  }

  /** The sector that stays bad, if that is how the fault goes on. */
  #badSector(side: Side): number | undefined {
    const { victim, fault } = this;
    if (victim === undefined || fault.mode !== "sector" || victim.side !== side) return undefined;
    if (victim.op === "flush" || fault.status === "transport") return undefined;
    return middle(victim.range);
  }

  /** A device that is gone, and says of every sector that its medium is bad. */
  #isAllBad(side: Side): boolean {
    const { fault, victim } = this;
    return fault.mode === "gone" && fault.status === "medium" && victim?.side === side;
  }

  moveMayFail(): boolean {
    return !this.mustBeHidden;
  }

  flushMayFail(): boolean {
    return this.state.flushFaults > 0;
  }

  writeMayFail(range: Range): boolean {
    if (!this.mustBeHidden) return true;
    if (this.manners.automatic) return false;
    return this.fired || [...sectorsOf(range)].some((at) => this.known.unwritable.has(at));
  }

  readMayFail(range: Range, places: readonly Place[]): boolean {
    if (!this.mustBeHidden) return true;
    if (!this.manners.automatic && this.fired) return true;
    const slots = slotsOf(places);
    return [...sectorsOf(range)].some((at) => this.mayBeLost(at, slots.get(at)));
  }

  /** May this sector be reported as lost or pending? @param slot where it is or was, if relocated */
  mayBeLost(sector: number, slot: number | undefined): boolean {
    if (this.known.unreadable.has(sector)) return true;
    if (this.#isAllBad("main") || this.#badSector("main") === sector + this.mainStart) return true;
    if (slot === undefined) return false;
    return this.known.slots.has(slot) || this.#isAllBad("spare") ||
      this.#badSector("spare") === slot;
  }

  /** May the target have relocated this sector by itself? @param pending it was, before the fault */
  mayBeRelocated(sector: number, pending: boolean): boolean {
    const { known, manners, victim, fault } = this;
    if (!manners.automatic) return false;
    if (known.unwritable.has(sector) || known.unreadable.has(sector)) return true;
    if (manners.proactive && known.weak.has(sector)) return true;
    if (this.#isAllBad("main") || this.#badSector("main") === sector + this.mainStart) return true;
    if (victim?.side !== "main" || fault.status === "transport") return false;
    const met = [...sectorsOf(victim.range)].includes(sector + this.mainStart);
    // Written, flushed and read back: whichever fails, it does not hold.
    if (pending && manners.verifiesPending) return met || victim.op === "flush";
    return met && manners.proactive && victim.op === "read";
  }

  /** How many slots may have gone bad at most. */
  get mostBadSlots(): number {
    if (this.#isAllBad("spare")) return Infinity;
    return this.known.slots.size + (this.#badSector("spare") === undefined ? 0 : 1);
  }

  /** How many relocated sectors may stay on the spare when all are to come back. */
  mostKept(lost: number): number {
    if (!this.mustBeHidden) return SECTORS;
    const fault = this.#badSector("main") ?? this.#badSector("spare");
    const { unreadable, unwritable, slots } = this.known;
    return lost + unreadable.size + unwritable.size + slots.size +
      (fault === undefined ? 0 : 1);
  }
}

/** Sector by sector, where relocated ones are. */
export function slotsOf(places: readonly Place[]): Map<number, number> {
  const slots = new Map<number, number>();
  for (const { sector, count, spareSector } of places) {
    if (spareSector === undefined) continue;
    for (let i = 0; i < Number(count); i++) slots.set(Number(sector) + i, Number(spareSector) + i);
  }
  return slots;
}
