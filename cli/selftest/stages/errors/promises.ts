// SPDX-License-Identifier: GPL-2.0-only
// What holds whatever fails: slots add up, the mapping is injective, counters only grow.
import { parseStats, type Place } from "../../../device/messages.ts";
import { check, checkEqual, CheckError } from "../../check.ts";
import type { Rig } from "../../rig.ts";

/** What `stats` counts and never takes back. */
const GROWING = [
  ...["read_errors", "write_errors", "verify_errors", "transport_errors", "lost_reads"],
  ...["auto_remaps", "manual_remaps", "spare_errors", "recovered", "retried", "storm_brakes"],
];

export async function readStats(rig: Rig): Promise<ReadonlyMap<string, bigint | string>> {
  return parseStats(await rig.send("stats"));
}

/** One counter of `stats`. */
export async function readStat(rig: Rig, key: string): Promise<number> {
  const value = (await readStats(rig)).get(key);
  if (typeof value === "bigint") return Number(value);
  throw new CheckError("the reply to stats", `a number ${key}=`, `${value}`);
}

export class PromiseWatch {
  #before = new Map<string, number>();

  constructor(private readonly rig: Rig, private readonly spareStart: number) {}

  async look(when: string): Promise<void> {
    const stats = await readStats(this.rig);
    const number = (key: string) => Number(stats.get(key) ?? 0);
    const places = await this.rig.places();
    checkSums(when, places, number);
    this.#checkStatus(when, number);
    this.#checkSlots(when, places);
    for (const key of GROWING) {
      const before = this.#before.get(key) ?? 0;
      check(`${key}, ${when}`, number(key) >= before, {
        expected: `at least ${before}, as before`,
        seen: number(key),
      });
      this.#before.set(key, number(key));
    }
  }

  /** The status line says the same as `stats`. */
  #checkStatus(when: string, number: (key: string) => number): void {
    const status = this.rig.status();
    const seen = {
      ...{ remapped: status.remapped, lost: status.lost, pending: status.pending },
      ...{ spare_used: status.spareUsed, spare_bad: status.spareBad },
      ...{ read_errors: status.readErrors, write_errors: status.writeErrors },
      ...{ transport_errors: status.transportErrors, auto_remaps: status.autoRemaps },
    };
    const expected = Object.fromEntries(Object.keys(seen).map((key) => [key, BigInt(number(key))]));
    checkEqual(`the status against stats, ${when}`, seen, expected as typeof seen);
  }

  /** A slot lies on the spare and is used once. */
  #checkSlots(when: string, places: readonly Place[]): void {
    const total = Number(this.rig.status().spareTotal);
    const used = new Set<number>();
    for (const { sector, count, spareSector } of places) {
      if (spareSector === undefined) continue;
      for (let slot = Number(spareSector); slot < Number(spareSector + count); slot++) {
        const inside = slot >= this.spareStart && slot < this.spareStart + total;
        check(`the slots of sectors ${sector}+${count}, ${when}`, inside && !used.has(slot), {
          expected: `from ${this.spareStart} to ${this.spareStart + total - 1}, each used once`,
          seen: used.has(slot) ? `${slot} used twice` : slot,
        });
        used.add(slot);
      }
    }
  }
}

/** The counters describe the table, and all slots are accounted for. */
function checkSums(
  when: string,
  places: readonly Place[],
  number: (key: string) => number,
): void {
  const sum = (wanted: Place["place"]) =>
    places.filter(({ place }) => place === wanted)
      .reduce((sum, { count }) => sum + Number(count), 0);
  const [remapped, lost, pending] = [sum("remapped"), sum("lost"), sum("pending")];
  checkEqual(
    `counters against the table, ${when}`,
    { remapped: number("remapped"), lost: number("lost"), pending: number("pending") },
    { remapped: remapped + lost, lost: lost + pending, pending },
  );
  const [bad, free] = [number("spare_bad"), number("spare_free")];
  checkEqual(
    `slots, ${when}`,
    { slots_used: number("slots_used"), spare_used: number("spare_used"), all: free },
    {
      slots_used: remapped + lost,
      spare_used: remapped + lost + bad,
      all: number("spare_total") - number("spare_used"),
    },
  );
}
