// SPDX-License-Identifier: GPL-2.0-only
//
// A table as plain as can be: what every sector is. What the metadata says is held against it.
import { type Extent, type ExtentState, hasSlot } from "../../../cli/metadata/extent.ts";
import { MAX_RUN } from "../../../cli/metadata/format.ts";

interface Place {
  readonly state: ExtentState;
  readonly slot: number;
}

export class Table {
  readonly #sectors: Map<number, Place>;
  readonly #bad: Set<number>;

  constructor(other?: Table) {
    this.#sectors = new Map(other === undefined ? [] : other.#sectors);
    this.#bad = new Set(other === undefined ? [] : other.#bad);
  }

  /** As an entry of the journal does. */
  apply({ first, length, slot, state }: Extent): void {
    for (let offset = 0; offset < length; offset++) {
      if (state === "bad") this.#bad.add(slot + offset);
      else if (state === "main") this.#sectors.delete(first + offset);
      else {
        const at = hasSlot(state) ? slot + offset : 0;
        this.#sectors.set(first + offset, { state, slot: at });
      }
    }
  }

  at(sector: number): Place | undefined {
    return this.#sectors.get(sector);
  }

  /** Slots that are in use or bad. */
  taken(): Set<number> {
    const taken = new Set(this.#bad);
    for (const { state, slot } of this.#sectors.values()) if (hasSlot(state)) taken.add(slot);
    return taken;
  }

  /** Joined where they can be, as long as an entry can tell. */
  extents(): Extent[] {
    const sectors = [...this.#sectors].sort(([one], [other]) => one - other)
      .map(([first, place]) => ({ first, length: 1, ...place }));
    const bad = [...this.#bad].sort((one, other) => one - other)
      .map((slot): Extent => ({ first: 0, length: 1, slot, state: "bad" }));
    return [...join(sectors, MAX_RUN), ...join(bad, MAX_RUN)];
  }

  get text(): string {
    return canonical(this.extents());
  }
}

function follows(one: Extent, next: Extent): boolean {
  return one.state === next.state &&
    (one.state === "bad" || one.first + one.length === next.first) &&
    (!hasSlot(one.state) || one.slot + one.length === next.slot);
}

function join(extents: Iterable<Extent>, most: number): Extent[] {
  const joined: Extent[] = [];
  for (const extent of extents) {
    const last = joined.at(-1);
    if (last !== undefined && follows(last, extent) && last.length + extent.length <= most) {
      joined[joined.length - 1] = { ...last, length: last.length + extent.length };
    } else joined.push(extent);
  }
  return joined;
}

/** The same text for the same table, however it is cut into extents. */
export function canonical(extents: Iterable<Extent>): string {
  return join(extents, Infinity)
    .map(({ first, length, slot, state }) => `${first}+${length} ${state} ${slot}\n`).join("");
}
