// SPDX-License-Identifier: GPL-2.0-only
//
// What is wrong with a device below the target, as the test has made it.
import type { Range } from "../suite/guest/range.ts";
import { sectorsOf } from "../suite/guest/range.ts";

/**
 * How a sector is bad: for both directions or for one; weak: for reads until it is written; flaky:
 * for the next two reads only; transport: with an error that says nothing of the medium.
 */
export const FAULT_KINDS = ["both", "read", "write", "weak", "flaky", "transport"] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** How a whole device is dead: each request fails, as if of the medium or of the way to it. */
export const DEATHS = ["io", "transport"] as const;
export type Death = (typeof DEATHS)[number];

/** Kinds that change by themselves, and the sectors that still are so. */
export interface Passing {
  readonly weak: ReadonlySet<number>;
  readonly flaky: ReadonlySet<number>;
}

export class Faults {
  readonly #reads = new Set<number>();
  readonly #writes = new Set<number>();
  readonly #weak = new Set<number>();
  readonly #flaky = new Set<number>();
  readonly #transport = new Set<number>();
  dead: Death | undefined;

  add(kind: FaultKind, range: Range): void {
    for (const sector of sectorsOf(range)) {
      if (kind === "both" || kind === "read" || kind === "weak") this.#reads.add(sector);
      if (kind === "both" || kind === "write") this.#writes.add(sector);
      if (kind === "weak") this.#weak.add(sector);
      if (kind === "flaky") this.#flaky.add(sector);
      if (kind === "transport") this.#transport.add(sector);
    }
  }

  /** All sectors are good again; a dead device stays dead. */
  heal(): void {
    for (const set of this.#all()) set.clear();
  }

  #all(): Set<number>[] {
    return [this.#reads, this.#writes, this.#weak, this.#flaky, this.#transport];
  }

  get any(): boolean {
    return this.dead !== undefined || this.#all().some(({ size }) => size > 0);
  }

  /** How many sectors have something wrong with them. */
  get bad(): number {
    return this.#all().reduce((all, set) => all.union(set), new Set<number>()).size;
  }

  get passing(): boolean {
    return this.#weak.size > 0 || this.#flaky.size > 0;
  }

  /** Takes over which of the passing faults are still there. */
  sync({ weak, flaky }: Passing): void {
    for (const sector of this.#weak) {
      if (weak.has(sector)) continue;
      this.#weak.delete(sector);
      this.#reads.delete(sector);
    }
    for (const sector of this.#flaky) if (!flaky.has(sector)) this.#flaky.delete(sector);
  }

  stillPassing(): Passing {
    return { weak: this.#weak, flaky: this.#flaky };
  }

  /** Something other than the medium fails there. */
  isCutOff(sector: number): boolean {
    return this.dead !== undefined || this.#transport.has(sector);
  }

  /** Nothing at all is wrong there. */
  isSound(sector: number): boolean {
    return !this.isCutOff(sector) && this.isReadable(sector) && this.isWritable(sector);
  }

  /** The medium gives it, perhaps not at the first try. */
  isReadable(sector: number): boolean {
    return !this.#reads.has(sector);
  }

  isWritable(sector: number): boolean {
    return !this.#writes.has(sector);
  }

  /** A write there can be read afterwards. */
  keepsWrites(sector: number): boolean {
    return this.isWritable(sector) && (this.isReadable(sector) || this.#weak.has(sector));
  }

  isFlaky(sector: number): boolean {
    return this.#flaky.has(sector);
  }

  /** Sectors that refuse writes. */
  unwritable(): Iterable<number> {
    return this.#writes;
  }
}
