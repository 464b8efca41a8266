// SPDX-License-Identifier: GPL-2.0-only
//
// What a correct target would do, in memory.
import type { Place } from "../../cli/device/messages.ts";
import { type FaultKind, Faults } from "./faults.ts";
import {
  type Accounts,
  checkContent,
  contract,
  promise3FailedReadIsAnError,
  promise5MappingIsInjective,
  PromiseBroken,
  type SectorView,
} from "./promises.ts";
import { type Range, sectorsOf } from "../suite/guest/range.ts";
import type { Side } from "./operations.ts";
import { contentOf, holdsStamp, wordsOf } from "./stamps.ts";
import { Tally } from "./tally.ts";
import { placeOf, type Possibility, type SectorState, unchanged } from "./states.ts";

/** What the target was told to do by itself, and what the devices below can do to it. */
export interface Rules {
  /** It relocates nothing by itself. */
  readonly passive?: boolean;
  /** A write to a pending sector is tried on main first. */
  readonly verifiesPending?: boolean;
  /** What needed a second try may be relocated. */
  readonly proactive?: boolean;
  /** How sectors go bad. */
  readonly faults: readonly FaultKind[];
  /** Bad sectors fail with an error that cannot be anything else. */
  readonly saysMedium?: boolean;
  /** The devices die and come back. */
  readonly deaths?: boolean;
  readonly scans?: boolean;
  /** A flush reaches the devices. */
  readonly flushes?: boolean;
}

export interface Geometry {
  /** The target's length. */
  readonly sectors: number;
  /** Sectors in a logical block of main. */
  readonly unit: number;
  /** The spare range with its metadata, before the slots; left out: the table is volatile. */
  readonly spareRange?: Range;
  /** The first slot: a sector of the spare device. */
  readonly spareStart: number;
  readonly slots: number;
  /** Most sectors that may be relocated; 0: as many as there are slots. */
  readonly maxRemaps: number;
  /** The spare is a part of main's device: they die together. */
  readonly oneDevice?: boolean;
  /** There is another spare, where everything is in the same places. */
  readonly twoSpares?: boolean;
  readonly rules: Rules;
}

export class Model {
  /** Of sectors of the target, and of sectors of the spare device. */
  readonly faults: Readonly<Record<Side, Faults>> = { main: new Faults(), spare: new Faults() };
  readonly #sectors: SectorState[];
  readonly #relocated = new Set<number>();
  readonly #pending = new Set<number>();
  /** What the last step may have led to, where that is not certain. */
  readonly #open = new Map<number, readonly Possibility[]>();
  /** Slots that may have been found bad: they refused writes while something was relocated. */
  readonly #suspects = new Set<number>();
  /** Slots that were left because they are bad. */
  readonly #condemned = new Set<number>();
  #automatic = 0;
  #manual = 0;
  #unmapped = 0;

  constructor(
    readonly geometry: Geometry,
    readonly seed: number,
    readonly tally: Tally = new Tally(),
  ) {
    this.#sectors = Array.from({ length: geometry.sectors }, () => ({
      main: [0],
      pending: false,
      relocation: undefined,
      content: [0],
    }));
  }

  at(sector: number): SectorState {
    const state = this.#sectors[sector];
    if (state === undefined) throw new RangeError(`there is no sector ${sector}`);
    return state;
  }

  /** Relocated sectors. */
  relocated(): Iterable<number> {
    return this.#relocated;
  }

  pending(): Iterable<number> {
    return this.#pending;
  }

  accounts(): Accounts {
    let lost = 0;
    for (const sector of this.#relocated) if (placeOf(this.at(sector)) === "lost") lost++;
    return {
      remapped: this.#relocated.size,
      lost: lost + this.#pending.size,
      pending: this.#pending.size,
      slots: this.geometry.slots,
      automatic: this.#automatic,
      manualRemaps: this.#manual,
      unmapped: this.#unmapped,
      leastBad: this.#condemned.size,
      mostBad: new Set([...this.#condemned, ...this.#suspects]).size,
    };
  }

  view(sector: number): SectorView {
    const { main, relocation, content } = this.at(sector);
    return {
      sector,
      seed: this.seed,
      allowed: content,
      slot: relocation?.slot,
      lost: relocation?.state === "lost",
      stale: relocation === undefined ? [] : main,
    };
  }

  /** What main's own medium must hold, whatever is relocated. */
  mainView(sector: number): SectorView {
    const { main } = this.at(sector);
    return { sector, seed: this.seed, allowed: main, lost: false, stale: [] };
  }

  /** The device that a sector is on, and where. */
  where(sector: number): { readonly side: Side; readonly at: number; readonly faults: Faults } {
    const slot = this.at(sector).relocation?.slot;
    return slot === undefined
      ? { side: "main", at: sector, faults: this.faults.main }
      : { side: "spare", at: slot, faults: this.faults.spare };
  }

  /** Why reading a sector must fail. */
  unreadable(sector: number): string | undefined {
    if (this.at(sector).relocation?.state === "lost") return "its content is lost";
    const { side, at, faults } = this.where(sector);
    if (faults.isCutOff(at)) return `${side} does not answer there`;
    return faults.isReadable(at) ? undefined : `${side} is bad there`;
  }

  /** It could not be read where it is, the last time. */
  isTroubled(sector: number): boolean {
    const { pending, relocation } = this.at(sector);
    return pending || relocation?.state === "unreadable";
  }

  /** A read may fail, though it need not: what is pending is tried only once. */
  mayFailToRead(range: Range): boolean {
    for (const sector of sectorsOf(range)) {
      const { at, faults } = this.where(sector);
      if (faults.isFlaky(at) && this.isTroubled(sector)) return true;
    }
    return this.mustFailToRead(range);
  }

  mustFailToRead(range: Range): boolean {
    for (const sector of sectorsOf(range)) if (this.unreadable(sector) !== undefined) return true;
    return false;
  }

  isSound(range: Range): boolean {
    for (const sector of sectorsOf(range)) {
      const { at, faults } = this.where(sector);
      if (!faults.isSound(at)) return false;
    }
    return true;
  }

  /** Something in the range fails in a way that is not the medium's. */
  isCutOff(range: Range): boolean {
    for (const sector of sectorsOf(range)) {
      const { at, faults } = this.where(sector);
      if (faults.isCutOff(at)) return true;
    }
    return false;
  }

  /** Checks what a read gave, and remembers it: the next read must give the same. */
  checkRead(range: Range, data: Uint8Array): void {
    contract(data.length === range.count * 512, `a read of ${range.count} sectors was short`);
    const words = wordsOf(data);
    for (const sector of sectorsOf(range)) {
      const why = this.unreadable(sector);
      if (why !== undefined) promise3FailedReadIsAnError(this.view(sector), why);
      this.#checkSector(this.view(sector), words, sector - range.first);
    }
  }

  /** The same for a sector that was read from main's own device. */
  checkMainMedium(sector: number, words: Uint32Array, index: number): void {
    const { allowed } = this.mainView(sector);
    if (allowed.length === 1 && holdsStamp(words, index, this.seed, sector, allowed[0]!)) return;
    checkContent(this.mainView(sector), contentOf(words, index));
  }

  #checkSector(view: SectorView, words: Uint32Array, index: number): void {
    const { sector, allowed } = view;
    if (allowed.length === 1 && holdsStamp(words, index, this.seed, sector, allowed[0]!)) return;
    const found = contentOf(words, index);
    checkContent(view, found);
    const content = [found.kind === "stamp" ? found.sequence : -1];
    this.settle(sector, unchanged(this.at(sector), content));
  }

  /** One of these has come true; if there are several, {@linkcode checkPlaces} learns which. */
  expect(sector: number, possibilities: readonly Possibility[]): void {
    const [only, another] = possibilities;
    if (only === undefined) throw new Error(`sector ${sector} can be nowhere`);
    if (another === undefined && !only.newSlot) this.settle(sector, only);
    else this.#open.set(sector, possibilities);
  }

  get isOpen(): boolean {
    return this.#open.size > 0;
  }

  /** Reads, too, may lead to relocations. */
  get mayRelocateReads(): boolean {
    return this.geometry.rules.proactive === true;
  }

  /** A step is over, and everything that it left open has been looked at. */
  checkNothingOpen(): void {
    if (this.#open.size === 0) return;
    throw new Error(`nobody has asked where ${[...this.#open.keys()].join(", ")} are`);
  }

  settle(sector: number, { state, automatic, newSlot }: Possibility): void {
    const before = this.at(sector).relocation?.slot;
    if (newSlot && before !== undefined) this.#condemned.add(before);
    if (automatic) this.#automatic++;
    this.#count(this.at(sector), { state, automatic, newSlot });
    this.#sectors[sector] = state;
    if (state.relocation === undefined) this.#relocated.delete(sector);
    else this.#relocated.add(sector);
    if (state.pending) this.#pending.add(sector);
    else this.#pending.delete(sector);
  }

  #count(before: SectorState, { state, automatic }: Possibility): void {
    const { tally } = this;
    if (automatic && before.relocation !== undefined) tally.add("changed slots");
    else if (automatic) tally.add(state.content === before.content ? "moved ahead" : "relocated");
    if (state.pending && !before.pending) tally.add("pending");
    if (before.pending && !state.pending && state.relocation === undefined) tally.add("recovered");
    const unreadable = ({ relocation }: SectorState) => relocation?.state === "unreadable";
    if (unreadable(state) && !unreadable(before)) tally.add("unreadable slots");
  }

  remappedByHand(sectors: number): void {
    this.#manual += sectors;
  }

  cleared(sectors: number): void {
    this.#unmapped += sectors;
  }

  /** How many slots can be had, for certain and at best, and how many sectors may still leave main. */
  supply(): { readonly sure: number; readonly most: number; readonly limit: number } {
    const { slots, maxRemaps } = this.geometry;
    const used = new Set([...this.#relocated].map((sector) => this.at(sector).relocation?.slot));
    const doubtful = new Set(this.#condemned);
    for (const slot of this.#suspects) doubtful.add(slot);
    for (const slot of this.faults.spare.unwritable()) if (this.#isSlot(slot)) doubtful.add(slot);
    const limit = maxRemaps === 0 ? Infinity : maxRemaps - this.#relocated.size;
    const unusable = [...doubtful].filter((slot) => !used.has(slot)).length;
    return {
      sure: slots - this.#relocated.size - unusable,
      most: slots - this.#relocated.size - this.#condemned.size,
      limit,
    };
  }

  /** The target may try to write to slots: those that refuse may count as bad from now on. */
  mayTrySlots(): void {
    const used = new Set([...this.#relocated].map((sector) => this.at(sector).relocation?.slot));
    for (const slot of this.faults.spare.unwritable()) {
      if (this.#isSlot(slot) && !used.has(slot)) this.#suspects.add(slot);
    }
  }

  /** On another spare: which slots are used there is for the target to choose, and all are good. */
  leaveSpare(): void {
    for (const sector of this.#relocated) {
      const { relocation, ...state } = this.at(sector);
      this.#sectors[sector] = { ...state, relocation: { ...relocation!, slot: undefined } };
    }
    this.faults.spare.heal();
    this.#suspects.clear();
    this.#condemned.clear();
  }

  /** The device has gone and come back: what was in memory only is as new. */
  recreated(): void {
    this.#automatic = this.#manual = this.#unmapped = 0;
    if (this.geometry.spareRange !== undefined) return;
    for (const [sector, { main }] of this.#sectors.entries()) {
      this.#sectors[sector] = { main, pending: false, relocation: undefined, content: main };
    }
    this.#relocated.clear();
    this.#pending.clear();
    this.#suspects.clear();
    this.#condemned.clear();
  }

  /** Compares what the target says of a range, and learns new slots and uncertain states from it. */
  checkPlaces(range: Range, places: readonly Place[]): void {
    promise5MappingIsInjective(places, this.geometry.spareStart, this.geometry.slots);
    let next = range.first;
    for (const { sector, count, place, spareSector } of places) {
      contract(Number(sector) === next, `verify leaves out sector ${next}`);
      next += Number(count);
      contract(next <= range.first + range.count, "verify says more than it was asked");
      for (let i = 0; i < Number(count); i++) {
        const slot = spareSector === undefined ? undefined : Number(spareSector) + i;
        this.#checkPlace(Number(sector) + i, place, slot);
      }
    }
    contract(next === range.first + range.count, `verify leaves out sector ${next}`);
  }

  #checkPlace(sector: number, place: Place["place"], slot: number | undefined): void {
    const before = this.at(sector).relocation?.slot;
    const possible = this.#open.get(sector) ?? [unchanged(this.at(sector))];
    const fits = ({ state, newSlot }: Possibility) =>
      placeOf(state) === place &&
      (newSlot ? slot !== before && !this.#condemned.has(slot!) : slot === state.relocation?.slot);
    const chosen = possible.find(fits);
    if (chosen === undefined) {
      const wanted = possible.map(({ state, newSlot }) =>
        `${placeOf(state)}${newSlot ? " on a new slot" : ` ${state.relocation?.slot ?? ""}`}`
      );
      throw new PromiseBroken(
        "promise 5, a sector is where it belongs",
        `sector ${sector} is said to be ${place} ${slot ?? ""}, not ${wanted.join(" or ")}`,
      );
    }
    this.#open.delete(sector);
    const { relocation } = chosen.state;
    this.settle(sector, {
      ...chosen,
      state: {
        ...chosen.state,
        relocation: relocation === undefined ? undefined : { ...relocation, slot },
      },
    });
  }

  #isSlot(sector: number): boolean {
    const { spareStart, slots } = this.geometry;
    return sector >= spareStart && sector < spareStart + slots;
  }
}
