// SPDX-License-Identifier: GPL-2.0-only
//
// A remap target in memory, correct unless it is given a defect: what the checks are tried on.
import type { Place, RemapResult, UnmapResult } from "../../cli/device/messages.ts";
import { parseStatus, type RemapStatus } from "../../cli/device/status_line.ts";
import type { Defect } from "./defects.ts";
import type { OfflineView, Outcome, TestDevice } from "./device.ts";
import { FakeTable } from "./fake_table.ts";
import type { Death, FaultKind, Passing } from "./faults.ts";
import type { Geometry } from "./model.ts";
import type { Side } from "./operations.ts";
import { type Range, sectorsOf } from "../suite/guest/range.ts";
import { SECTOR_BYTES, spareStamps, stamps } from "./stamps.ts";

const done = { ok: true, value: undefined } as const;

function failed(code: string): { readonly ok: false; readonly code: string } {
  return { ok: false, code };
}

/** Turns what went wrong into what the caller sees. */
function outcome(codes: readonly (string | undefined)[]): Outcome<void> {
  const code = codes.find((each) => each !== undefined);
  return code === undefined ? done : failed(code);
}

export class FakeDevice implements TestDevice {
  #table: FakeTable;
  #suspended = false;
  #generation = 1;

  constructor(private readonly geometry: Geometry, private readonly defect?: Defect) {
    this.#table = new FakeTable(geometry, new Uint8Array(), new Uint8Array(), defect);
  }

  prepare(seed: number): Promise<void> {
    const { sectors, spareStart, slots } = this.geometry;
    this.#table = new FakeTable(
      this.geometry,
      stamps(seed, 0, sectors, 0),
      spareStamps(seed, 0, spareStart + slots + 1),
      this.defect,
    );
    return Promise.resolve();
  }

  recreate(): Promise<void> {
    this.#table.restart();
    return Promise.resolve();
  }

  migrate(): Promise<Outcome<void>> {
    this.#table.migrate();
    return Promise.resolve(done);
  }

  offline(): Promise<OfflineView> {
    const { remapped, lost, pending, bad } = this.#table.numbers();
    return Promise.resolve({
      generation: this.#generation,
      journalUsed: 0,
      extents: this.#table.extents(),
      counts: { remapped, lost: lost - pending, pending, bad },
    });
  }

  read(range: Range): Promise<Outcome<Uint8Array>> {
    const data = new Uint8Array(range.count * SECTOR_BYTES);
    const codes = [...sectorsOf(range)].map((sector) => {
      const at = (sector - range.first) * SECTOR_BYTES;
      return this.#table.read(sector, data.subarray(at, at + SECTOR_BYTES));
    });
    const end = outcome(codes);
    return Promise.resolve(end.ok ? { ok: true, value: data } : end);
  }

  #store(range: Range, dataOf: (index: number) => Uint8Array): Outcome<void> {
    const table = this.#table;
    const sectors = [...sectorsOf(range)];
    if (this.defect === "whole request is relocated" && sectors.some((s) => table.isBad(s))) {
      for (const sector of sectors) table.leaveMain(sector, dataOf(sector - range.first));
    }
    const dropped = this.defect === "good part is dropped" && sectors.some((s) => table.isBad(s));
    return outcome(sectors.map((sector) => {
      if (dropped && !table.isBad(sector)) return undefined;
      return table.write(sector, dataOf(sector - range.first));
    }));
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
    const { main, spare } = this.#table;
    const skips = this.defect === "flush forgets the spare";
    const dead = main.faults.dead !== undefined || (!skips && spare.faults.dead !== undefined);
    return Promise.resolve(dead ? failed("EIO") : done);
  }

  discard(range: Range): Promise<Outcome<void>> {
    for (const sector of sectorsOf(range)) if (sector % 2 === 0) this.#table.discard(sector);
    return Promise.resolve(done);
  }

  remap(ranges: readonly Range[]): Promise<Outcome<RemapResult>> {
    if (this.#suspended && this.defect !== "moves while suspended") {
      return Promise.resolve(failed("EBUSY"));
    }
    const sectors = ranges.flatMap((range) => [...sectorsOf(range)]);
    const code = this.#table.remap(sectors);
    if (code !== undefined) return Promise.resolve(failed(code));
    const lost = sectors.filter((sector) => this.#table.place(sector).place === "lost").length;
    const value = { remapped: BigInt(sectors.length), lost: BigInt(lost) };
    return Promise.resolve({ ok: true, value });
  }

  unmap(range: Range, force: boolean): Promise<Outcome<UnmapResult>> {
    const result = this.#table.unmap([...sectorsOf(range)], force);
    return Promise.resolve(
      typeof result === "string" ? failed(result) : {
        ok: true,
        value: { cleared: BigInt(result.cleared), kept: BigInt(result.kept) },
      },
    );
  }

  clear(force: boolean): Promise<Outcome<UnmapResult>> {
    return this.unmap({ first: 0, count: this.geometry.sectors }, force);
  }

  verify(range: Range): Promise<readonly Place[]> {
    return Promise.resolve([...sectorsOf(range)].map((sector) => this.#table.place(sector)));
  }

  async entries(): Promise<readonly Place[]> {
    const places = await this.verify({ first: 0, count: this.geometry.sectors });
    return places.filter(({ place }) => place !== "main");
  }

  stats(): Promise<ReadonlyMap<string, bigint | string>> {
    const { used, bad, ...rest } = this.#table.numbers();
    const { slots } = this.geometry;
    const numbers = {
      ...rest,
      spare_used: used,
      spare_bad: bad,
      spare_free: slots - used,
      spare_total: slots,
    };
    return Promise.resolve(new Map(Object.entries(numbers).map(([k, v]) => [k, BigInt(v)])));
  }

  status(): RemapStatus {
    const numbers = this.#table.numbers();
    const { remapped, lost, used, bad, pending } = numbers;
    const { slots } = this.geometry;
    return parseStatus(
      `remapped=${remapped} lost=${lost} spare_used=${used}/${slots} ` +
        `(${Math.floor(used * 100 / slots)}%) write_errors=${numbers.write_errors} ` +
        `read_errors=${numbers.read_errors} ` +
        `auto_remaps=${numbers.auto_remaps} manual_remaps=${Math.max(0, numbers.manual_remaps)} ` +
        `health=good scan_progress=0% pending=${pending} ` +
        `spare_bad=${bad} verify_errors=0 transport_errors=0 mode=rw generation=${this.#generation}`,
    );
  }

  message(text: string): Promise<Outcome<string>> {
    const lasts = this.geometry.spareRange !== undefined;
    if (text === "save" && lasts) {
      return Promise.resolve({ ok: true, value: `saved=${++this.#generation}` });
    }
    if (text === "restore" && lasts && this.#suspended) {
      this.#table.restore();
      return Promise.resolve({ ok: true, value: `restored=${this.#table.numbers().remapped}` });
    }
    if (!this.#suspended || this.defect === "moves while suspended") {
      return Promise.resolve(
        text === "remap 0 8" ? { ok: true, value: "remapped=8 lost=0" } : failed("EINVAL"),
      );
    }
    return Promise.resolve(failed("EBUSY"));
  }

  async scan(range: Range): Promise<Outcome<void>> {
    if (this.defect !== "scan notes nothing") await this.read(range);
    return done;
  }

  addFault(side: Side, kind: FaultKind, range: Range): Promise<void> {
    this.#table[side].faults.add(kind, range);
    return Promise.resolve();
  }

  heal(side: Side): Promise<void> {
    this.#table[side].faults.heal();
    return Promise.resolve();
  }

  setDead(side: Side, how: Death | undefined): Promise<void> {
    this.#table[side].faults.dead = how;
    return Promise.resolve();
  }

  passing(side: Side): Promise<Passing> {
    return Promise.resolve(this.#table[side].faults.stillPassing());
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
    this.#table.reload();
    return Promise.resolve();
  }

  #raw(bytes: Uint8Array, { first, count }: Range): Promise<Outcome<Uint8Array>> {
    const value = bytes.slice(first * SECTOR_BYTES, (first + count) * SECTOR_BYTES);
    return Promise.resolve({ ok: true, value });
  }

  readMain(range: Range): Promise<Outcome<Uint8Array>> {
    return this.#raw(this.#table.main.bytes, range);
  }

  readSpare(range: Range): Promise<Outcome<Uint8Array>> {
    return this.#raw(this.#table.spare.bytes, range);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}
