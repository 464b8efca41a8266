// SPDX-License-Identifier: GPL-2.0-only
//
// One operation while memory runs out: every request, and what is right to come of it.
import { formatPlaces, type Place } from "../../cli/device/messages.ts";
import { promise5MappingIsInjective, PromiseBroken } from "../model/promises.ts";
import { outcomeOf } from "../model/guest_device.ts";
import { type Range, sectorsOf } from "../suite/guest/range.ts";
import { SECTOR_BYTES } from "../model/stamps.ts";
import type { FaultOp } from "../sweep/faults.ts";
import { Ledger } from "../sweep/ledger.ts";
import { bytes, EVERYTHING, type Rig, SECTORS, SLOTS } from "../sweep/rig.ts";
import { within } from "../sweep/time.ts";
import { relocated, sum } from "../sweep/trial.ts";

export const SPAN: Range = { first: 99, count: 6 };
export const AROUND: Range = { first: 97, count: 10 };
export const OUTSIDE: Range = { first: 200, count: 5 };
/** All that is used by the others, and more. */
const USED: Range = { first: 90, count: 24 };
export const BAD: Range = { first: 102, count: 1 };

/** What a request for want of memory may end with: messages and tables, and users' I/O. */
const NO_MEMORY = ["ENOMEM"];
const NO_MEMORY_FOR_IO = ["ENOMEM", "EIO", "ENODATA"];

export function big({ first, count }: Range): { first: bigint; count: bigint } {
  return { first: BigInt(first), count: BigInt(count) };
}

/** Users' I/O and messages, and what each sector may hold after them. */
export class Scene {
  readonly ledger: Ledger;
  /** The target could not be made. */
  isMissing = false;
  /** What came back as failed, in words. */
  readonly failed: string[] = [];

  constructor(readonly rig: Rig, readonly seed: number) {
    this.ledger = new Ledger(seed, SECTORS);
  }

  spoil(op: FaultOp, range: Range): void {
    const at = { first: this.rig.mainStart + range.first, count: range.count };
    this.rig.pair.makeBad("main", op, at, "medium");
  }

  /** The slot that a sector has goes bad for writes. */
  async spoilSlotOf(sector: number): Promise<void> {
    const [place] = await this.verify({ first: sector, count: 1 });
    if (place?.spareSector === undefined) throw new Error(`sector ${sector} has no slot`);
    const slot = { first: Number(place.spareSector), count: 1 };
    this.rig.pair.makeBad("spare", "write", slot, "medium");
  }

  verify(range: Range = EVERYTHING): Promise<Place[]> {
    return within(this.rig.target.verify([big(range)]), "verify");
  }

  async #request<T>(what: string, promise: Promise<T>, codes: readonly string[]) {
    const outcome = await within(outcomeOf(promise), what);
    if (outcome.ok) return outcome;
    if (!codes.includes(outcome.code)) throw new Error(`${what} failed with ${outcome.code}`);
    this.failed.push(`${what}: ${outcome.code}`);
    return outcome;
  }

  /** @returns whether it was done; else there was no memory for it */
  async ask(what: string, request: Promise<unknown>, alike: string[] = []): Promise<boolean> {
    return (await this.#request(what, request, [...NO_MEMORY, ...alike])).ok;
  }

  async write(range: Range, fua = false): Promise<boolean> {
    const writing = this.ledger.beginWrite(range, fua);
    const request = this.rig.file.write(bytes(range.first), writing.data, { dsync: fua });
    const { ok } = await this.#request(`write of ${range.first}`, request, NO_MEMORY_FOR_IO);
    this.ledger.endWrite(writing, ok);
    return ok;
  }

  /** @param whole there is nothing in it that cannot be read, whatever the memory */
  async read(range: Range, whole = true): Promise<boolean> {
    const reading = this.ledger.beginRead(range);
    const request = this.rig.file.read(bytes(range.first), range.count * SECTOR_BYTES);
    if (!whole) {
      const outcome = await within(outcomeOf(request), "a read of what is bad");
      if (outcome.ok) this.ledger.endRead(reading, outcome.value);
      return outcome.ok;
    }
    const outcome = await this.#request(`read of ${range.first}`, request, NO_MEMORY_FOR_IO);
    if (outcome.ok) this.ledger.endRead(reading, outcome.value);
    return outcome.ok;
  }

  async flush(): Promise<boolean> {
    return (await this.#request("flush", this.rig.file.flush(), NO_MEMORY_FOR_IO)).ok;
  }

  remap(...ranges: readonly Range[]): Promise<boolean> {
    return this.ask("remap", this.rig.target.remap(ranges.map(big)));
  }

  /** 5 and 6: the table says one thing in all its forms, and its sums fit. */
  async checkAccounts(): Promise<Place[]> {
    const { target, slotsStart } = this.rig;
    const places = await this.verify();
    promise5MappingIsInjective(places, slotsStart, SLOTS);
    const status = target.status();
    const used = relocated(places);
    const bad = Number(status.spareBad ?? 0n);
    const lost = sum(places.filter(({ place }) => place === "lost" || place === "pending"));
    const sums = [
      ["remapped", status.remapped, used],
      ["lost", status.lost, lost],
      ["slots used or bad", status.spareUsed, used + bad],
      ["slots in all", status.spareTotal, SLOTS],
    ] as const;
    for (const [what, actual, wanted] of sums) {
      if (Number(actual) === wanted) continue;
      throw new PromiseBroken("promise 6, used + free + bad = total", `${what}: ${actual}`);
    }
    const entries = formatPlaces(await Array.fromAsync(target.entries()));
    const listed = formatPlaces(places.filter(({ place }) => place !== "main"));
    if (entries !== listed) throw new Error(`entries has\n${entries}\nand verify\n${listed}`);
    return places;
  }

  /** Every sector reads what was written last; those without content fail. */
  async checkContent(places: readonly Place[]): Promise<void> {
    for (const { sector, count, place } of places) {
      const range = { first: Number(sector), count: Number(count) };
      const whole = place !== "lost" && place !== "pending";
      for (const part of whole ? [range] : [...sectorsOf(range)].map(one)) {
        const reading = this.ledger.beginRead(part);
        const request = this.rig.file.read(bytes(part.first), part.count * SECTOR_BYTES);
        const outcome = await within(outcomeOf(request), `the last read of ${part.first}`);
        if (outcome.ok) this.ledger.endRead(reading, outcome.value);
        else if (whole) throw new Error(`a read of ${part.first} failed with ${outcome.code}`);
      }
    }
  }

  /** With memory and healthy disks it does everything. */
  async checkUsable(): Promise<void> {
    const { rig, ledger } = this;
    const writing = ledger.beginWrite(USED);
    await within(rig.file.write(bytes(USED.first), writing.data), "a write");
    ledger.endWrite(writing, true);
    await within(rig.target.unmap([big(USED)]), "unmap");
    const { remapped } = await within(rig.target.remap([big(USED)]), "remap");
    if (Number(remapped) !== USED.count) throw new Error(`only ${remapped} could be relocated`);
    const reading = ledger.beginRead(USED);
    ledger.endRead(reading, await rig.file.read(bytes(USED.first), writing.data.length));
    const { kept } = await within(rig.target.unmap([big(USED)]), "unmap");
    if (kept !== 0n) throw new Error(`${kept} sectors stayed relocated`);
    ledger.endRead(reading, await rig.readMain(USED));
  }
}

function one(first: number): Range {
  return { first, count: 1 };
}
