// SPDX-License-Identifier: GPL-2.0-only
//
// What a correct target would do, in memory. Sectors are plain numbers here: the devices are small.
import type { Place } from "../../cli/device/messages.ts";
import {
  type Accounts,
  type Allowed,
  checkContent,
  contract,
  promise3FailedReadIsAnError,
  promise5MappingIsInjective,
  PromiseBroken,
  type SectorView,
} from "./promises.ts";
import { contentOf, holdsStamp, wordsOf } from "./stamps.ts";

export interface Range {
  readonly first: number;
  readonly count: number;
}

export interface Geometry {
  /** The target's length. */
  readonly sectors: number;
  /** Sectors in a logical block of main. */
  readonly unit: number;
  /** The first slot: a sector of the spare device. */
  readonly spareStart: number;
  readonly slots: number;
  /** Most sectors that may be relocated; 0: as many as there are slots. */
  readonly maxRemaps: number;
}

interface Relocation {
  /** Unknown until the target has been asked. */
  slot: number | undefined;
  /** unsure: lost, then written, but the write failed somewhere. */
  state: "remapped" | "lost" | "unsure";
  content: Allowed;
}

/** What a remap must lead to. */
export interface RemapForecast {
  readonly sectors: readonly number[];
  /** How many of all sectors in the request are lost afterwards. */
  readonly lost: number;
  readonly outcome: "done" | "full" | "either";
}

export interface UnmapForecast {
  readonly cleared: number;
  readonly kept: number;
}

function union(a: Allowed, b: Allowed): Allowed {
  return [...new Set([...a, ...b])];
}

export function* sectorsOf({ first, count }: Range): Generator<number> {
  for (let sector = first; sector < first + count; sector++) yield sector;
}

export class Model {
  /** Of sectors of the target, and of sectors of the spare device. */
  readonly mainFaults = new Set<number>();
  readonly spareFaults = new Set<number>();
  readonly #main: Allowed[];
  readonly #relocated = new Map<number, Relocation>();
  /** Slots that may have been found bad: faulty while something was relocated. */
  readonly #suspects = new Set<number>();
  #manualRemaps = 0;
  #unmapped = 0;

  constructor(readonly geometry: Geometry, readonly seed: number) {
    this.#main = Array.from({ length: geometry.sectors }, () => [0]);
  }

  accounts(): Accounts {
    let lost = 0;
    for (const { state } of this.#relocated.values()) if (state === "lost") lost++;
    return {
      remapped: this.#relocated.size,
      lost,
      slots: this.geometry.slots,
      manualRemaps: this.#manualRemaps,
      unmapped: this.#unmapped,
      mostBad: this.#suspects.size,
    };
  }

  view(sector: number): SectorView {
    const main = this.#main[sector];
    if (main === undefined) throw new RangeError(`there is no sector ${sector}`);
    const relocation = this.#relocated.get(sector);
    return {
      sector,
      seed: this.seed,
      allowed: relocation === undefined ? main : relocation.content,
      slot: relocation?.slot,
      lost: relocation?.state === "lost",
      stale: relocation === undefined ? [] : main,
    };
  }

  /** What main's own medium must hold, whatever is relocated. */
  mainView(sector: number): SectorView {
    return { sector, seed: this.seed, allowed: this.#main[sector] ?? [], lost: false, stale: [] };
  }

  relocations(): ReadonlyMap<number, Readonly<Relocation>> {
    return this.#relocated;
  }

  /** Why the medium refuses the sector where it is now. */
  fault(sector: number): string | undefined {
    const relocation = this.#relocated.get(sector);
    if (relocation === undefined) {
      return this.mainFaults.has(sector) ? "main is bad there" : undefined;
    }
    return this.#slotIsFaulty(relocation) ? "its slot is bad" : undefined;
  }

  /** Why reading a sector must fail. */
  unreadable(sector: number): string | undefined {
    return this.#relocated.get(sector)?.state === "lost"
      ? "its content is lost"
      : this.fault(sector);
  }

  hasFault(range: Range): boolean {
    for (const sector of sectorsOf(range)) if (this.fault(sector) !== undefined) return true;
    return false;
  }

  mustFailToRead(range: Range): boolean {
    for (const sector of sectorsOf(range)) if (this.unreadable(sector) !== undefined) return true;
    return false;
  }

  isUnsure(range: Range): boolean {
    for (const sector of sectorsOf(range)) {
      if (this.#relocated.get(sector)?.state === "unsure") return true;
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
    this.#setContent(sector, [found.kind === "stamp" ? found.sequence : -1]);
  }

  #setContent(sector: number, content: Allowed): void {
    const relocation = this.#relocated.get(sector);
    if (relocation === undefined) this.#main[sector] = content;
    else relocation.content = content;
  }

  /** A write, or a write of zeros. */
  wrote(range: Range, value: number, succeeded: boolean): void {
    for (const sector of sectorsOf(range)) {
      const relocation = this.#relocated.get(sector);
      if (succeeded) {
        if (relocation !== undefined) relocation.state = "remapped";
        this.#setContent(sector, [value]);
      } else if (relocation !== undefined && relocation.state !== "remapped") {
        relocation.state = "unsure";
        relocation.content = [value];
      } else {
        this.#setContent(sector, union(this.view(sector).allowed, [value]));
      }
    }
  }

  /** Advice: any sector may be zeros now, whatever the outcome. Lost content stays lost. */
  discarded(range: Range): void {
    for (const sector of sectorsOf(range)) {
      if (this.#relocated.get(sector)?.state === "lost") continue;
      this.#setContent(sector, union(this.view(sector).allowed, [-1]));
    }
  }

  forecastRemap(ranges: readonly Range[]): RemapForecast {
    const { slots, maxRemaps } = this.geometry;
    const all = ranges.flatMap((range) => [...sectorsOf(range)]);
    const sectors = all.filter((sector) => !this.#relocated.has(sector));
    const unreadable = sectors.filter((sector) => this.mainFaults.has(sector)).length;
    const lostBefore = all.filter((sector) => this.#relocated.get(sector)?.state === "lost").length;
    const used = new Set([...this.#relocated.values()].map(({ slot }) => slot));
    const faulty = [...this.spareFaults].filter((slot) => this.#isSlot(slot) && !used.has(slot));
    const badSince = [...this.#suspects].filter((slot) =>
      !used.has(slot) && !this.spareFaults.has(slot)
    );
    const free = slots - this.#relocated.size;
    const limit = maxRemaps === 0 ? Infinity : maxRemaps - this.#relocated.size;
    let outcome: RemapForecast["outcome"] = "either";
    if (sectors.length === 0 || sectors.length <= free - faulty.length - badSince.length) {
      outcome = "done";
    } else if (sectors.length > free) outcome = "full";
    if (sectors.length > 0 && sectors.length > limit) outcome = "full";
    return { sectors, lost: lostBefore + unreadable, outcome };
  }

  /** The target has tried to relocate: from now on faulty slots may count as bad. */
  triedToRemap(): void {
    const used = new Set([...this.#relocated.values()].map(({ slot }) => slot));
    for (const slot of this.spareFaults) {
      if (this.#isSlot(slot) && !used.has(slot)) this.#suspects.add(slot);
    }
  }

  remapped(forecast: RemapForecast): void {
    for (const sector of forecast.sectors) {
      const lost = this.mainFaults.has(sector);
      this.#relocated.set(sector, {
        slot: undefined,
        state: lost ? "lost" : "remapped",
        content: lost ? [] : this.#main[sector]!,
      });
    }
    this.#manualRemaps += forecast.sectors.length;
  }

  /** Takes back what can go back to main; the rest stays. */
  unmapped(range: Range, force: boolean): UnmapForecast {
    let cleared = 0;
    let kept = 0;
    for (const sector of sectorsOf(range)) {
      const relocation = this.#relocated.get(sector);
      if (relocation === undefined) continue;
      const lost = relocation.state === "lost";
      const stays = !force &&
        (lost || this.mainFaults.has(sector) || this.#slotIsFaulty(relocation));
      if (!force && !lost) {
        const main = this.#main[sector]!;
        // A part of what failed may have been written: a bad sector fails its neighbours, too.
        this.#main[sector] = stays ? union(main, relocation.content) : relocation.content;
      }
      if (stays) {
        kept++;
        continue;
      }
      this.#relocated.delete(sector);
      cleared++;
    }
    this.#unmapped += cleared;
    return { cleared, kept };
  }

  /** The device has gone and come back: the table was in memory only. */
  recreated(): void {
    this.#relocated.clear();
    this.#suspects.clear();
    this.#manualRemaps = 0;
    this.#unmapped = 0;
  }

  /** Compares what the target says of a range, and learns new slots and doubtful states from it. */
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
    const relocation = this.#relocated.get(sector);
    const mapping = (wanted: string) => {
      throw new PromiseBroken(
        "promise 5, a relocation holds until it is taken back",
        `sector ${sector} is said to be ${place} ${slot ?? ""}, not ${wanted}`,
      );
    };
    if (relocation === undefined) return place === "main" ? undefined : mapping("main");
    if (relocation.state === "unsure" && (place === "lost" || place === "remapped")) {
      relocation.state = place;
      if (place === "lost") relocation.content = [];
    }
    if (place !== relocation.state) mapping(relocation.state);
    relocation.slot ??= slot;
    if (relocation.slot !== slot) mapping(`on ${relocation.slot}`);
  }

  #slotIsFaulty({ slot }: Relocation): boolean {
    return slot !== undefined && this.spareFaults.has(slot);
  }

  #isSlot(sector: number): boolean {
    const { spareStart, slots } = this.geometry;
    return sector >= spareStart && sector < spareStart + slots;
  }
}
