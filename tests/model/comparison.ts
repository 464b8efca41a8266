// SPDX-License-Identifier: GPL-2.0-only
//
// Reads, writes and looks at a device, each compared with what the model says.
import { codeOf, type Outcome, type TestDevice } from "./device.ts";
import { expectRead, expectWritten, forecastWrite } from "./forecast_io.ts";
import type { Model } from "./model.ts";
import { checkOffline } from "./offline.ts";
import {
  checkContent,
  contract,
  promise3FailedReadIsAnError,
  promise5MappingIsInjective,
  promise6AccountsBalance,
  promise7HealthyIsServed,
  PromiseBroken,
} from "./promises.ts";
import { type Range, sectorsOf } from "../suite/guest/range.ts";
import { contentOf, stamps, wordsOf } from "./stamps.ts";
import { unchanged, union } from "./states.ts";

const LONGEST_READ = 2048;
/** So long may the target go on to distrust a device that did not answer. */
const RECOVERY_MS = 3000;
/** How a request may fail while something other than the medium is at fault. */
const CUT_OFF_CODES: readonly string[] = ["EIO", "ENOLINK"];

export class Comparison {
  #distrustedUntil = 0;

  constructor(private readonly device: TestDevice, private readonly model: Model) {}

  /** A dead device answers again. */
  deviceIsBack(): void {
    this.#distrustedUntil = performance.now() + RECOVERY_MS;
  }

  get recovering(): boolean {
    return performance.now() < this.#distrustedUntil;
  }

  /** The target's own word for where the range is, of all or only if the model is uncertain. */
  async places(range: Range): Promise<void> {
    this.model.checkPlaces(range, await this.device.verify(range));
  }

  async #settle(range: Range): Promise<void> {
    if (this.model.isOpen) await this.places(range);
  }

  #checkError(code: string, range: Range, what: string): void {
    const codes = this.model.isCutOff(range) || this.recovering ? CUT_OFF_CODES : ["EIO"];
    contract(codes.includes(code), `${what} failed with ${code}, not ${codes.join(" or ")}`);
  }

  async read(range: Range): Promise<void> {
    const { model } = this;
    const doubt = this.recovering || model.isCutOff(range);
    if (model.mayRelocateReads) model.mayTrySlots();
    const outcome = await this.device.read(range);
    if (outcome.ok) model.checkRead(range, outcome.value);
    else {
      if (!model.mayFailToRead(range)) promise7HealthyIsServed(`a read`, outcome.code);
      this.#checkError(outcome.code, range, "a read");
    }
    expectRead(model, range, doubt);
    await this.#settle(range);
  }

  /** Reads a range in parts that must succeed, and probes the sectors that must fail. */
  async readRange({ first, count }: Range): Promise<void> {
    const end = first + count;
    const { unit } = this.model.geometry;
    let probes = 4;
    for (let start = first; start < end;) {
      const block = { first: start, count: unit };
      if (this.model.mustFailToRead(block)) {
        if (probes-- > 0) await this.read(block);
        start += unit;
        continue;
      }
      let stop = start + unit;
      const limit = Math.min(end, start + LONGEST_READ);
      while (stop < limit && !this.model.mustFailToRead({ first: stop, count: unit })) stop += unit;
      await this.read({ first: start, count: stop - start });
      start = stop;
    }
  }

  async #written(
    range: Range,
    value: number,
    what: string,
    write: () => Promise<Outcome<void>>,
  ): Promise<void> {
    const { model } = this;
    const forecast = forecastWrite(model, range, value, { recovering: this.recovering });
    model.mayTrySlots();
    const outcome = await write();
    if (!outcome.ok) {
      if (forecast.succeeds === "yes") promise7HealthyIsServed(what, outcome.code);
      this.#checkError(outcome.code, range, what);
    } else if (forecast.succeeds === "no") {
      throw new PromiseBroken(
        "promise 1, an acknowledged write is readable",
        `${what} of ${range.first}+${range.count} was acknowledged over a bad sector`,
      );
    }
    expectWritten(model, forecast, outcome.ok);
    await this.#settle(range);
  }

  async write(range: Range, number: number, fua: boolean): Promise<void> {
    const data = stamps(this.model.seed, range.first, range.count, number);
    const what = fua ? "a FUA write" : "a write";
    await this.#written(range, number, what, () => this.device.write(range, data, fua));
  }

  async zero(range: Range): Promise<void> {
    await this.#written(range, -1, "a write of zeros", () => this.device.zero(range));
  }

  /** Advice: any sector may be zeros now, whatever the outcome. Lost content stays lost. */
  async discard(range: Range): Promise<void> {
    const { model } = this;
    const outcome = await this.device.discard(range);
    if (!outcome.ok && outcome.code !== "EOPNOTSUPP" && model.isSound(range)) {
      promise7HealthyIsServed("a discard", outcome.code);
    }
    for (const sector of sectorsOf(range)) {
      const state = model.at(sector);
      if (state.relocation?.state === "lost") continue;
      model.expect(sector, [unchanged(state, union(state.content, [-1]))]);
    }
  }

  /** A scan that has come to its end has seen what a read sees. */
  async scan(range: Range): Promise<void> {
    const { model } = this;
    const doubt = this.recovering || model.isCutOff(range);
    if (model.mayRelocateReads) model.mayTrySlots();
    const outcome = await this.device.scan(range);
    contract(outcome.ok || model.isCutOff(range), `a scan failed: ${codeOf(outcome)}`);
    expectRead(model, range, doubt);
    await this.places(range);
  }

  async all(): Promise<void> {
    const { device, model } = this;
    const { geometry } = model;
    const whole = { first: 0, count: geometry.sectors };
    const places = await device.verify(whole);
    model.checkPlaces(whole, places);
    const entries = await device.entries(7);
    promise5MappingIsInjective(entries, geometry.spareStart, geometry.slots);
    const flat = (list: typeof places) =>
      list.filter(({ place }) => place !== "main").flatMap((place) =>
        Array.from(
          { length: Number(place.count) },
          (_, i) => `${Number(place.sector) + i} ${place.place} ${Number(place.spareSector) + i}`,
        )
      ).join("\n");
    contract(flat(entries) === flat(places), "entries and verify say different things");
    promise6AccountsBalance(model.accounts(), device.status(), await device.stats());
    // At any time: what was acknowledged is in the journal.
    if (geometry.spareRange !== undefined) {
      checkOffline(model, await device.offline(), device.status());
    }
    await this.readRange(whole);
    await this.#slots();
    if (!model.faults.main.any) await this.mainMedium();
  }

  /** The slots that the target names hold the data, as a look at the spare itself shows. */
  async #slots(): Promise<void> {
    const { model } = this;
    const { spareStart, slots } = model.geometry;
    if (model.faults.spare.any) return;
    const outcome = await this.device.readSpare({ first: spareStart, count: slots });
    contract(outcome.ok, `the spare itself cannot be read: ${codeOf(outcome)}`);
    const words = wordsOf(outcome.value);
    for (const sector of model.relocated()) {
      const { relocation } = model.at(sector);
      if (relocation?.slot === undefined || relocation.state === "lost") continue;
      checkContent(model.view(sector), contentOf(words, relocation.slot - spareStart));
    }
  }

  /** Main holds what was written to it, and nothing that belongs on the spare. */
  async mainMedium(): Promise<void> {
    const { sectors } = this.model.geometry;
    for (let first = 0; first < sectors; first += LONGEST_READ) {
      const count = Math.min(LONGEST_READ, sectors - first);
      const outcome = await this.device.readMain({ first, count });
      if (!outcome.ok) promise3FailedReadIsAnError(this.model.mainView(first), outcome.code);
      const words = wordsOf(outcome.value);
      for (let i = 0; i < count; i++) this.model.checkMainMedium(first + i, words, i);
    }
  }
}
