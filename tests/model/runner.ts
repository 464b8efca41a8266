// SPDX-License-Identifier: GPL-2.0-only
//
// Runs a sequence on a device and on the model, and compares them after every step.
import type { RemapStatus } from "../../cli/device/status_line.ts";
import type { Outcome, TestDevice } from "./device.ts";
import { Model, type Range, type RemapForecast, sectorsOf } from "./model.ts";
import { formatOperation, type Operation, type Sequence } from "./operations.ts";
import {
  contract,
  promise3FailedReadIsAnError,
  promise5MappingIsInjective,
  promise6AccountsBalance,
  promise6CountersOnlyGrow,
  promise7HealthyIsServed,
  PromiseBroken,
} from "./promises.ts";
import { checkContent } from "./promises.ts";
import { contentOf, stamps, wordsOf } from "./stamps.ts";
import type { Geometry } from "./model.ts";

const LONGEST_READ = 2048;

/** A step after which target and model differ. */
export class StepFailed extends Error {
  override readonly name = "StepFailed";

  constructor(readonly index: number, operation: Operation | undefined, cause: unknown) {
    const step = operation === undefined ? "the final check" : `"${formatOperation(operation)}"`;
    const text = cause instanceof Error ? cause.message : String(cause);
    super(`step ${index + 1}, ${step}: ${text}`, { cause });
  }
}

/**
 * Runs a whole sequence on fresh devices.
 * @param onStep told after every step
 * @throws {StepFailed}
 */
export async function runSequence(
  device: TestDevice,
  geometry: Geometry,
  sequence: Sequence,
  onStep: (operation: Operation) => void = () => {},
): Promise<void> {
  const { operations, seed } = sequence;
  await device.prepare(seed);
  const run = new Run(device, new Model(geometry, seed));
  for (const [index, operation] of operations.entries()) {
    try {
      await run.step(operation, index + 1);
    } catch (error) {
      throw new StepFailed(index, operation, error);
    }
    onStep(operation);
  }
  try {
    await run.finish();
  } catch (error) {
    throw new StepFailed(operations.length, undefined, error);
  }
}

class Run {
  #status: RemapStatus;

  constructor(private readonly device: TestDevice, private readonly model: Model) {
    this.#status = device.status();
  }

  async step(operation: Operation, number: number): Promise<void> {
    await this.#apply(operation, number);
    this.#checkStatus();
  }

  /** Everything again, then back to main, which must hold it all afterwards. */
  async finish(): Promise<void> {
    await this.#checkAll();
    await this.#heal("main");
    await this.#heal("spare");
    await this.#readRange(this.#whole());
    await this.#unmap(this.#whole(), false, () => this.device.clear(false));
    await this.#unmap(this.#whole(), true, () => this.device.clear(true));
    this.#checkStatus();
    await this.#checkMainMedium();
  }

  #whole(): Range {
    return { first: 0, count: this.model.geometry.sectors };
  }

  async #apply(operation: Operation, number: number): Promise<void> {
    const { device } = this;
    switch (operation.op) {
      case "read":
        return await this.#read(operation.range);
      case "write":
      case "write-fua":
        return await this.#write(operation.range, number, operation.op === "write-fua");
      case "zero":
        return await this.#zero(operation.range);
      case "discard":
        return await this.#discard(operation.range);
      case "flush":
        return promise7HealthyIsServed("a flush", codeOf(await device.flush()));
      case "remap":
        return await this.#remap(operation.ranges);
      case "unmap":
      case "unmap-force": {
        const force = operation.op === "unmap-force";
        const { range } = operation;
        return await this.#unmap(range, force, () => device.unmap(range, force));
      }
      case "clear":
      case "clear-force": {
        const force = operation.op === "clear-force";
        return await this.#unmap(this.#whole(), force, () => device.clear(force));
      }
      case "fault":
        return await this.#fault(operation.side, operation.range);
      case "heal":
        return await this.#heal(operation.side);
      case "check":
        return await this.#checkAll();
      case "refuse":
        return await this.#refuse(operation.message);
      default:
        return await this.#restart(operation.op);
    }
  }

  async #restart(op: "suspend" | "reload" | "recreate"): Promise<void> {
    if (op === "suspend") await this.#suspend();
    else if (op === "reload") await this.device.reload();
    else {
      await this.device.recreate();
      this.model.recreated();
      this.#status = this.device.status();
    }
    await this.#checkPlaces(this.#whole());
  }

  async #read(range: Range): Promise<void> {
    const outcome = await this.device.read(range);
    if (outcome.ok) {
      this.model.checkRead(range, outcome.value);
      return;
    }
    if (!this.model.mustFailToRead(range)) promise7HealthyIsServed(`a read`, outcome.code);
    contract(outcome.code === "EIO", `a read failed with ${outcome.code}, not EIO`);
  }

  /** Reads a range in parts that must succeed, and probes the sectors that must fail. */
  async #readRange({ first, count }: Range): Promise<void> {
    const end = first + count;
    const { unit } = this.model.geometry;
    let probes = 4;
    for (let start = first; start < end;) {
      const block = { first: start, count: unit };
      if (this.model.mustFailToRead(block)) {
        if (probes-- > 0) await this.#read(block);
        start += unit;
        continue;
      }
      let stop = start + unit;
      const limit = Math.min(end, start + LONGEST_READ);
      while (stop < limit && !this.model.mustFailToRead({ first: stop, count: unit })) stop += unit;
      await this.#read({ first: start, count: stop - start });
      start = stop;
    }
  }

  /** After a write: what it means, and which lost sectors it has brought back. */
  async #written(range: Range, value: number, outcome: Outcome<void>, what: string): Promise<void> {
    const { model } = this;
    if (!outcome.ok) {
      if (!model.hasFault(range)) promise7HealthyIsServed(what, outcome.code);
      contract(outcome.code === "EIO", `${what} failed with ${outcome.code}, not EIO`);
    } else if (model.hasFault(range)) {
      throw new PromiseBroken(
        "promise 1, an acknowledged write is readable",
        `${what} of ${range.first}+${range.count} was acknowledged over a bad sector`,
      );
    }
    model.wrote(range, value, outcome.ok);
    if (model.isUnsure(range)) await this.#checkPlaces(range);
  }

  async #write(range: Range, number: number, fua: boolean): Promise<void> {
    const data = stamps(this.model.seed, range.first, range.count, number);
    const outcome = await this.device.write(range, data, fua);
    await this.#written(range, number, outcome, fua ? "a FUA write" : "a write");
  }

  async #zero(range: Range): Promise<void> {
    await this.#written(range, -1, await this.device.zero(range), "a write of zeros");
  }

  async #discard(range: Range): Promise<void> {
    const outcome = await this.device.discard(range);
    if (!outcome.ok && outcome.code !== "EOPNOTSUPP" && !this.model.hasFault(range)) {
      promise7HealthyIsServed("a discard", outcome.code);
    }
    this.model.discarded(range);
  }

  async #remap(ranges: readonly Range[]): Promise<void> {
    const { model } = this;
    const forecast = model.forecastRemap(ranges);
    const outcome = await this.device.remap(ranges);
    model.triedToRemap();
    if (outcome.ok) this.#remapped(ranges, forecast, outcome.value);
    else {
      contract(outcome.code === "ENOSPC", `remap failed with ${outcome.code}`);
      contract(forecast.outcome !== "done", "remap said ENOSPC although there are free slots");
    }
    for (const range of ranges) {
      await this.#checkPlaces(range);
      await this.#readRange(range);
    }
  }

  #remapped(
    ranges: readonly Range[],
    forecast: RemapForecast,
    reply: { readonly remapped: bigint; readonly lost: bigint },
  ): void {
    contract(forecast.outcome !== "full", "remap succeeded although the spare cannot hold it");
    const asked = ranges.reduce((sum, { count }) => sum + count, 0);
    contract(
      Number(reply.remapped) === asked && Number(reply.lost) === forecast.lost,
      `remap replied remapped=${reply.remapped} lost=${reply.lost}, ` +
        `not remapped=${asked} lost=${forecast.lost}`,
    );
    this.model.remapped(forecast);
  }

  async #unmap(
    range: Range,
    force: boolean,
    run: () => ReturnType<TestDevice["unmap"]>,
  ): Promise<void> {
    const outcome = await run();
    contract(outcome.ok, `unmap failed with ${codeOf(outcome)}`);
    const { cleared, kept } = this.model.unmapped(range, force);
    const reply = outcome.value;
    contract(
      Number(reply.cleared) === cleared && Number(reply.kept) === kept,
      `unmap replied cleared=${reply.cleared} kept=${reply.kept}, ` +
        `not cleared=${cleared} kept=${kept}`,
    );
    await this.#checkPlaces(range);
    await this.#readRange(range);
  }

  async #fault(side: "main" | "spare", range: Range): Promise<void> {
    const offset = side === "main" ? 0 : this.model.geometry.spareStart;
    const faults = side === "main" ? this.model.mainFaults : this.model.spareFaults;
    for (const sector of sectorsOf(range)) faults.add(sector + offset);
    await this.device.setFaults(side, faults);
  }

  async #heal(side: "main" | "spare"): Promise<void> {
    const faults = side === "main" ? this.model.mainFaults : this.model.spareFaults;
    if (faults.size === 0) return;
    faults.clear();
    await this.device.setFaults(side, faults);
    // What was lost stays lost, also when main gives the old data again.
    const lost = [...this.model.relocations()].filter(([, { state }]) => state === "lost");
    const { unit } = this.model.geometry;
    for (const [sector] of lost.slice(0, 2)) {
      await this.#read({ first: sector - sector % unit, count: unit });
    }
  }

  /** Suspended, the target moves nothing, and its status stays the same. */
  async #suspend(): Promise<void> {
    await this.device.suspend();
    try {
      const outcome = await this.device.message("remap 0 8");
      contract(codeOf(outcome) === "EBUSY", `remap while suspended: ${codeOf(outcome) ?? "done"}`);
      this.#checkStatus();
    } finally {
      await this.device.resume();
    }
  }

  async #refuse(message: string): Promise<void> {
    const outcome = await this.device.message(message);
    contract(!outcome.ok, `the message "${message}" was accepted`);
  }

  #checkStatus(): void {
    const status = this.device.status();
    promise6AccountsBalance(this.model.accounts(), status);
    promise6CountersOnlyGrow(this.#status, status);
    contract(status.mode === "rw", `mode=${status.mode} with a volatile table`);
    this.#status = status;
  }

  async #checkPlaces(range: Range): Promise<void> {
    this.model.checkPlaces(range, await this.device.verify(range));
  }

  async #checkAll(): Promise<void> {
    const { device, model } = this;
    const { geometry } = model;
    const places = await device.verify(this.#whole());
    model.checkPlaces(this.#whole(), places);
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
    await this.#readRange(this.#whole());
    await this.#checkSlots();
    if (model.mainFaults.size === 0) await this.#checkMainMedium();
  }

  /** The slots that the target names hold the data, as a look at the spare itself shows. */
  async #checkSlots(): Promise<void> {
    const { spareStart, slots } = this.model.geometry;
    if (this.model.spareFaults.size > 0) return;
    const outcome = await this.device.readSpare({ first: spareStart, count: slots });
    contract(outcome.ok, `the spare itself cannot be read: ${codeOf(outcome)}`);
    const words = wordsOf(outcome.value);
    for (const [sector, { slot, state }] of this.model.relocations()) {
      if (state === "lost" || slot === undefined) continue;
      checkContent(this.model.view(sector), contentOf(words, slot - spareStart));
    }
  }

  /** Main holds what was written to it, and nothing that belongs on the spare. */
  async #checkMainMedium(): Promise<void> {
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

function codeOf(outcome: Outcome<unknown>): string | undefined {
  return outcome.ok ? undefined : outcome.code;
}
