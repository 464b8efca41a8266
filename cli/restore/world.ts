// SPDX-License-Identifier: GPL-2.0-only
// A small model of a remap device through its life, for tests: what is where, what was written.
import fc from "fast-check";
import { hasSlot } from "../metadata/extent.ts";
import type { SnapshotEntry, SnapshotState } from "../store/types.ts";
import type { Kinship } from "./types.ts";

export const SECTORS = 10;
export const SLOTS = 14;

export type Operation =
  | { readonly kind: "relocate" | "write" | "unmap" | "lose" | "heal"; readonly sector: number }
  | { readonly kind: "snapshot"; readonly withData: boolean }
  | { readonly kind: "migrate" | "reformat" };

/** What was seen at one moment. */
export interface Seen {
  readonly life: number;
  /** Tables that began anew before that. */
  readonly epoch: number;
  readonly entries: readonly SnapshotEntry[];
  /** Content by sector, of those that had one; none without data. */
  readonly data: ReadonlyMap<number, number> | undefined;
}

interface Place {
  readonly state: SnapshotState | "main";
  readonly slot: number;
}

const MAIN: Place = { state: "main", slot: 0 };

export class World {
  readonly places: Place[] = Array.from({ length: SECTORS }, () => MAIN);
  /** What lies on main, and in each slot: the number of the write that put it there. */
  readonly main: number[] = Array.from({ length: SECTORS }, () => 0);
  readonly slots: number[] = Array.from({ length: SLOTS }, () => -1);
  /** The last write to each sector. */
  readonly truth: number[] = Array.from({ length: SECTORS }, () => 0);
  readonly seen: Seen[] = [];
  #writes = 0;
  #life = 0;
  #epoch = 0;
  #next = 0;

  do(operation: Operation): void {
    switch (operation.kind) {
      case "snapshot":
        this.seen.push(this.look(operation.withData));
        return;
      case "migrate":
        return this.#migrate();
      case "reformat":
        return this.#reformat();
      default:
        return this.#one(operation.kind, operation.sector);
    }
  }

  look(withData: boolean): Seen {
    const entries = this.places.flatMap(({ state, slot }, first) =>
      state === "main" ? [] : [{ first, length: 1, state, slot }]
    );
    const data = new Map(
      entries.filter(({ state }) => state === "remapped")
        .map(({ first, slot }) => [first, this.slots[slot]!] as const),
    );
    return { life: this.#life, epoch: this.#epoch, entries, data: withData ? data : undefined };
  }

  #one(kind: "relocate" | "write" | "unmap" | "lose" | "heal", sector: number): void {
    const place = this.places[sector]!;
    const { state } = place;
    if (kind === "write") return this.#write(sector, place);
    if (kind === "heal") {
      if (state === "pending") this.places[sector] = MAIN;
    } else if (kind === "lose") {
      if (state === "main") this.places[sector] = { state: "pending", slot: 0 };
      if (state === "remapped") this.places[sector] = { ...place, state: "unreadable" };
    } else if (kind === "relocate") {
      if (hasSlot(state)) return;
      const slot = this.#free();
      if (state === "main") this.slots[slot] = this.main[sector]!;
      this.places[sector] = { state: state === "main" ? "remapped" : "lost", slot };
    } else if (state === "remapped") {
      this.main[sector] = this.slots[place.slot]!;
      this.places[sector] = MAIN;
    }
  }

  #write(sector: number, { state, slot }: Place): void {
    const content = ++this.#writes;
    this.truth[sector] = content;
    if (state === "main") this.main[sector] = content;
    else {
      const where = hasSlot(state) ? slot : this.#free();
      this.slots[where] = content;
      this.places[sector] = { state: "remapped", slot: where };
    }
  }

  /** Slots go round, and are soon those of others. */
  #free(): number {
    const used = this.places.filter(({ state }) => hasSlot(state)).map(({ slot }) => slot);
    do this.#next = (this.#next + 1) % SLOTS; while (used.includes(this.#next));
    return this.#next;
  }

  #migrate(): void {
    this.#life++;
    const old = [...this.slots];
    let slot = 0;
    for (const [sector, place] of this.places.entries()) {
      if (!hasSlot(place.state)) continue;
      this.slots[slot] = old[place.slot]!;
      this.places[sector] = { ...place, slot: slot++ };
    }
  }

  /** From now on main is what the device shows. */
  #reformat(): void {
    this.#life++;
    this.#epoch++;
    for (const sector of this.places.keys()) {
      this.places[sector] = MAIN;
      this.truth[sector] = this.main[sector]!;
    }
  }
}

export function kinshipOf(a: Seen, b: Seen): Kinship {
  if (a.life === b.life) return "same";
  return a.epoch === b.epoch ? "linked" : "other";
}

const sector = fc.nat(SECTORS - 1);
const single = <K extends Operation["kind"]>(kind: K) => sector.map((sector) => ({ kind, sector }));

export const operations: fc.Arbitrary<Operation[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: single("relocate") },
    { weight: 6, arbitrary: single("write") },
    { weight: 4, arbitrary: single("unmap") },
    { weight: 2, arbitrary: single("lose") },
    { weight: 2, arbitrary: single("heal") },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("snapshot"), withData: fc.boolean() }) },
    { weight: 1, arbitrary: fc.constantFrom({ kind: "migrate" }, { kind: "reformat" }) },
  ) as fc.Arbitrary<Operation>,
  { maxLength: 60, size: "max" },
);
