// SPDX-License-Identifier: GPL-2.0-only
//
// A remap target in memory, correct unless it is given a defect: what the checks are tried on.
import type { Place, RemapResult, UnmapResult } from "../../cli/device/messages.ts";
import { parseStatus, type RemapStatus } from "../../cli/device/status_line.ts";
import type { Outcome, TestDevice } from "./device.ts";
import { type Geometry, type Range, sectorsOf } from "./model.ts";
import type { Side } from "./operations.ts";
import { SECTOR_BYTES, spareStamps, stamps } from "./stamps.ts";

/** One thing that the fake does wrong. */
export type Defect =
  | "lost returns zeros"
  | "lost returns main"
  | "lost returns the slot"
  | "write goes to main"
  | "read comes from main"
  | "remap copies nothing"
  | "unmap copies nothing"
  | "unmap takes lost sectors"
  | "slot used twice"
  | "slot freed twice"
  | "slot out of range"
  | "remap is not all or nothing"
  | "read is cut off by one"
  | "write error is swallowed"
  | "counter falls"
  | "reload forgets"
  | "force copies"
  | "moves while suspended";

interface Entry {
  slot: number;
  lost: boolean;
}

const done = { ok: true, value: undefined } as const;

function failed(code: string): { readonly ok: false; readonly code: string } {
  return { ok: false, code };
}

export class FakeDevice implements TestDevice {
  #main = new Uint8Array();
  #spare = new Uint8Array();
  #faults: Record<Side, ReadonlySet<number>> = { main: new Set(), spare: new Set() };
  readonly #table = new Map<number, Entry>();
  readonly #used = new Set<number>();
  readonly #bad = new Set<number>();
  #manualRemaps = 0;
  #unmapped = 0;
  #suspended = false;

  constructor(private readonly geometry: Geometry, private readonly defect?: Defect) {}

  prepare(seed: number): Promise<void> {
    const { sectors, spareStart, slots } = this.geometry;
    this.#main = stamps(seed, 0, sectors, 0);
    this.#spare = spareStamps(seed, 0, spareStart + slots + 1);
    this.#faults = { main: new Set(), spare: new Set() };
    return this.recreate();
  }

  recreate(): Promise<void> {
    this.#forget();
    this.#manualRemaps = this.#unmapped = 0;
    this.#bad.clear();
    return Promise.resolve();
  }

  #forget(): void {
    this.#table.clear();
    this.#used.clear();
  }

  /** Where a sector's bytes are, and whether that place works. */
  #place(sector: number, forWriting: boolean): { bytes: Uint8Array; bad: boolean; lost: boolean } {
    const entry = this.#table.get(sector);
    const misled = forWriting ? "write goes to main" : "read comes from main";
    if (entry === undefined || this.defect === misled) {
      const bytes = this.#main.subarray(sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES);
      return { bytes, bad: this.#faults.main.has(sector), lost: false };
    }
    const bytes = this.#spare.subarray(entry.slot * SECTOR_BYTES, (entry.slot + 1) * SECTOR_BYTES);
    return { bytes, bad: this.#faults.spare.has(entry.slot), lost: entry.lost };
  }

  read(range: Range): Promise<Outcome<Uint8Array>> {
    const data = new Uint8Array(range.count * SECTOR_BYTES);
    for (const sector of sectorsOf(range)) {
      const { bytes, bad, lost } = this.#place(sector, false);
      const at = (sector - range.first) * SECTOR_BYTES;
      if (bad) return Promise.resolve(failed("EIO"));
      if (lost && this.defect === "lost returns zeros") continue;
      if (lost && this.defect === "lost returns main") {
        data.set(this.#main.subarray(sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES), at);
        continue;
      }
      if (lost && this.defect !== "lost returns the slot") return Promise.resolve(failed("EIO"));
      const previous = this.defect === "read is cut off by one" && this.#table.has(sector - 1) &&
        !this.#table.has(sector);
      data.set(previous ? this.#place(sector - 1, false).bytes : bytes, at);
    }
    return Promise.resolve({ ok: true, value: data });
  }

  #store(range: Range, dataOf: (index: number) => Uint8Array): Outcome<void> {
    let error: Outcome<void> = done;
    for (const sector of sectorsOf(range)) {
      const { bytes, bad } = this.#place(sector, true);
      if (bad && this.defect !== "write error is swallowed") error = failed("EIO");
      if (bad) continue;
      bytes.set(dataOf(sector - range.first));
      const entry = this.#table.get(sector);
      if (entry !== undefined) entry.lost = false;
    }
    return error;
  }

  write(range: Range, data: Uint8Array): Promise<Outcome<void>> {
    const part = (i: number) => data.subarray(i * SECTOR_BYTES, (i + 1) * SECTOR_BYTES);
    return Promise.resolve(this.#store(range, part));
  }

  zero(range: Range): Promise<Outcome<void>> {
    const zeros = new Uint8Array(SECTOR_BYTES);
    return Promise.resolve(this.#store(range, () => zeros));
  }

  flush(): Promise<Outcome<void>> {
    return Promise.resolve(done);
  }

  discard(range: Range): Promise<Outcome<void>> {
    for (const sector of sectorsOf(range)) {
      const { bytes, bad, lost } = this.#place(sector, true);
      if (!bad && !lost && sector % 2 === 0) bytes.fill(0);
    }
    return Promise.resolve(done);
  }

  #freeSlot(taken: ReadonlySet<number>): number | undefined {
    const { spareStart, slots } = this.geometry;
    const beyond = this.defect === "slot out of range" ? 1 : 0;
    for (let slot = spareStart + beyond; slot < spareStart + slots + beyond; slot++) {
      if (this.#used.has(slot) && this.defect !== "slot used twice") continue;
      if (!this.#bad.has(slot) && !taken.has(slot)) return slot;
    }
    return undefined;
  }

  #plan(ranges: readonly Range[]): Map<number, Entry> | undefined {
    const plan = new Map<number, Entry>();
    const taken = new Set<number>();
    const limit = this.geometry.maxRemaps || Infinity;
    for (const sector of ranges.flatMap((range) => [...sectorsOf(range)])) {
      if (this.#table.has(sector)) continue;
      const lost = this.#faults.main.has(sector);
      let slot = this.#freeSlot(taken);
      while (slot !== undefined && !lost && this.#faults.spare.has(slot)) {
        this.#bad.add(slot);
        slot = this.#freeSlot(taken);
      }
      if (slot === undefined || this.#table.size + plan.size >= limit) {
        return this.defect === "remap is not all or nothing" ? plan : undefined;
      }
      taken.add(slot);
      plan.set(sector, { slot, lost });
    }
    return plan;
  }

  remap(ranges: readonly Range[]): Promise<Outcome<RemapResult>> {
    if (this.#suspended && this.defect !== "moves while suspended") {
      return Promise.resolve(failed("EBUSY"));
    }
    const plan = this.#plan(ranges);
    if (plan === undefined) return Promise.resolve(failed("ENOSPC"));
    for (const [sector, entry] of plan) {
      const content = this.#place(sector, false).bytes;
      this.#table.set(sector, entry);
      this.#used.add(entry.slot);
      if (!entry.lost && this.defect !== "remap copies nothing") {
        this.#spare.set(content, entry.slot * SECTOR_BYTES);
      }
    }
    this.#manualRemaps += plan.size;
    const all = ranges.flatMap((range) => [...sectorsOf(range)]);
    const lost = all.filter((sector) => this.#table.get(sector)?.lost).length;
    const value = { remapped: BigInt(all.length), lost: BigInt(lost) };
    return Promise.resolve({ ok: true, value });
  }

  unmap(range: Range, force: boolean): Promise<Outcome<UnmapResult>> {
    let cleared = 0n;
    let kept = 0n;
    for (const sector of sectorsOf(range)) {
      const entry = this.#table.get(sector);
      if (entry === undefined) continue;
      const bad = this.#faults.spare.has(entry.slot) || this.#faults.main.has(sector);
      const lost = entry.lost && this.defect !== "unmap takes lost sectors";
      if (!force && (lost || bad)) {
        kept++;
        continue;
      }
      const { bytes } = this.#place(sector, false);
      const copies = force
        ? this.defect === "force copies"
        : this.defect !== "unmap copies nothing";
      if (copies) this.#main.set(bytes, sector * SECTOR_BYTES);
      this.#table.delete(sector);
      this.#used.delete(entry.slot);
      if (this.defect === "slot freed twice") this.#used.delete(entry.slot + 1);
      cleared++;
    }
    this.#unmapped += Number(cleared);
    if (this.defect === "counter falls") this.#manualRemaps -= Number(cleared);
    return Promise.resolve({ ok: true, value: { cleared, kept } });
  }

  clear(force: boolean): Promise<Outcome<UnmapResult>> {
    return this.unmap({ first: 0, count: this.geometry.sectors }, force);
  }

  verify(range: Range): Promise<readonly Place[]> {
    return Promise.resolve([...sectorsOf(range)].map((sector): Place => {
      const entry = this.#table.get(sector);
      const where = { sector: BigInt(sector), count: 1n };
      if (entry === undefined) return { ...where, place: "main" };
      return { ...where, place: entry.lost ? "lost" : "remapped", spareSector: BigInt(entry.slot) };
    }));
  }

  async entries(): Promise<readonly Place[]> {
    const places = await this.verify({ first: 0, count: this.geometry.sectors });
    return places.filter(({ place }) => place !== "main");
  }

  #numbers() {
    const lost = [...this.#table.values()].filter((entry) => entry.lost).length;
    const used = this.#table.size + this.#bad.size;
    return { remapped: this.#table.size, lost, used, bad: this.#bad.size };
  }

  stats(): Promise<ReadonlyMap<string, bigint | string>> {
    const { remapped, lost, used, bad } = this.#numbers();
    const { slots } = this.geometry;
    const numbers = {
      remapped,
      lost,
      spare_used: used,
      spare_bad: bad,
      spare_free: slots - used,
      spare_total: slots,
      manual_remaps: this.#manualRemaps,
      unmapped: this.#unmapped,
    };
    return Promise.resolve(new Map(Object.entries(numbers).map(([k, v]) => [k, BigInt(v)])));
  }

  status(): RemapStatus {
    const { remapped, lost, used, bad } = this.#numbers();
    const { slots } = this.geometry;
    return parseStatus(
      `remapped=${remapped} lost=${lost} spare_used=${used}/${slots} ` +
        `(${Math.floor(used * 100 / slots)}%) write_errors=0 read_errors=0 auto_remaps=0 ` +
        `manual_remaps=${Math.max(0, this.#manualRemaps)} health=good scan_progress=0% pending=0 ` +
        `spare_bad=${bad} verify_errors=0 transport_errors=0 mode=rw`,
    );
  }

  message(text: string): Promise<Outcome<string>> {
    if (!this.#suspended || this.defect === "moves while suspended") {
      return Promise.resolve(
        text === "remap 0 8" ? { ok: true, value: "remapped=8 lost=0" } : failed("EINVAL"),
      );
    }
    return Promise.resolve(failed("EBUSY"));
  }

  setFaults(side: Side, sectors: ReadonlySet<number>): Promise<void> {
    this.#faults[side] = new Set(sectors);
    return Promise.resolve();
  }

  suspend(): Promise<void> {
    this.#suspended = true;
    return Promise.resolve();
  }

  resume(): Promise<void> {
    this.#suspended = false;
    return Promise.resolve();
  }

  reload(): Promise<void> {
    if (this.defect === "reload forgets") this.#forget();
    return Promise.resolve();
  }

  #raw(bytes: Uint8Array, { first, count }: Range): Promise<Outcome<Uint8Array>> {
    const value = bytes.slice(first * SECTOR_BYTES, (first + count) * SECTOR_BYTES);
    return Promise.resolve({ ok: true, value });
  }

  readMain(range: Range): Promise<Outcome<Uint8Array>> {
    return this.#raw(this.#main, range);
  }

  readSpare(range: Range): Promise<Outcome<Uint8Array>> {
    return this.#raw(this.#spare, range);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}
