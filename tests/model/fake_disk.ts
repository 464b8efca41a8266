// SPDX-License-Identifier: GPL-2.0-only
//
// A disk in memory that goes bad at will.
import { Faults } from "./faults.ts";
import { SECTOR_BYTES } from "./stamps.ts";

/** How an access has ended; way: it never came to the medium. */
export type Access = "ok" | "medium" | "way";

export class FakeDisk {
  readonly faults = new Faults();

  constructor(readonly bytes: Uint8Array) {}

  /** A sector's bytes themselves. */
  at(sector: number): Uint8Array {
    return this.bytes.subarray(sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES);
  }

  read(sector: number): Access {
    if (this.faults.isCutOff(sector)) return "way";
    if (this.faults.isFlaky(sector)) {
      this.#forget(sector, "flaky");
      return "medium";
    }
    return this.faults.isReadable(sector) ? "ok" : "medium";
  }

  write(sector: number, data: Uint8Array): Access {
    if (this.faults.isCutOff(sector)) return "way";
    if (!this.faults.isWritable(sector)) return "medium";
    this.at(sector).set(data);
    this.#forget(sector, "weak");
    return "ok";
  }

  #forget(sector: number, kind: "weak" | "flaky"): void {
    const { weak, flaky } = this.faults.stillPassing();
    this.faults.sync({
      weak: kind === "weak" ? without(weak, sector) : weak,
      flaky: kind === "flaky" ? without(flaky, sector) : flaky,
    });
  }
}

function without(set: ReadonlySet<number>, sector: number): ReadonlySet<number> {
  const rest = new Set(set);
  rest.delete(sector);
  return rest;
}
