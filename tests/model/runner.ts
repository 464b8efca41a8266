// SPDX-License-Identifier: GPL-2.0-only
//
// Runs a sequence on a device and on the model, and compares them after every step.
import type { RemapStatus } from "../../cli/device/status_line.ts";
import { Comparison } from "./comparison.ts";
import { codeOf, type TestDevice } from "./device.ts";
import { isMediumError } from "./forecast_io.ts";
import {
  expectMigrated,
  expectNotRemapped,
  expectRemapped,
  expectUnmapped,
  forecastMigration,
  forecastRemap,
  forecastUnmap,
  type RemapForecast,
} from "./forecast_moves.ts";
import { type Geometry, Model } from "./model.ts";
import { formatOperation, type Operation, type Sequence, type Side } from "./operations.ts";
import {
  contract,
  promise6AccountsBalance,
  promise6CountersOnlyGrow,
  promise6ErrorsAreCounted,
  promise7HealthyIsServed,
  promise9FlushErrorComesBack,
} from "./promises.ts";
import { checkOffline } from "./offline.ts";
import type { Range } from "../suite/guest/range.ts";
import { type RestartOp, Restarts } from "./restarts.ts";
import type { Tally } from "./tally.ts";

/** Of the slots, fewer than the target tries in a row. */
const MOST_BAD_SLOTS = 60;
/** The target asks at eight places: that all of them are bad is as good as impossible. */
const PART_THAT_ANSWERS = 8;

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
  onStep?: (operation: Operation) => void,
  tally?: Tally,
): Promise<void> {
  const { operations, seed } = sequence;
  await device.prepare(seed);
  const run = new Run(device, new Model(geometry, seed, tally));
  for (const [index, operation] of operations.entries()) {
    try {
      await run.step(operation, index + 1);
    } catch (error) {
      throw new StepFailed(index, operation, error);
    }
    onStep?.(operation);
  }
  try {
    await run.finish();
  } catch (error) {
    throw new StepFailed(operations.length, undefined, error);
  }
}

class Run {
  #status: RemapStatus;
  #mayOweFlushError = false;
  readonly #compare: Comparison;

  constructor(private readonly device: TestDevice, private readonly model: Model) {
    this.#status = device.status();
    this.#compare = new Comparison(device, model);
  }

  async step(operation: Operation, number: number): Promise<void> {
    const quiet = this.#isQuiet();
    const counter = this.#counterOf(operation);
    const before = this.#status;
    await this.#apply(operation, number);
    await this.#sync();
    this.model.checkNothingOpen();
    this.#checkStatus();
    if (operation.op === "recreate") return;
    promise6ErrorsAreCounted(before, this.#status, quiet && this.#isQuiet() ? "none" : counter);
  }

  /** Nothing is wrong with either device, and no sector has suffered from anything yet. */
  #isQuiet(): boolean {
    const { faults } = this.model;
    return !faults.main.any && !faults.spare.any && !this.#compare.recovering &&
      this.model.accounts().lost === 0;
  }

  /** The counter that an operation must advance. */
  #counterOf(operation: Operation): "readErrors" | "writeErrors" | undefined {
    // A spare that does not answer may take the blame for what cannot be relocated.
    if (this.#compare.recovering || this.model.faults.spare.dead !== undefined) return undefined;
    switch (operation.op) {
      case "read":
        return isMediumError(this.model, operation.range, false) ? "readErrors" : undefined;
      case "write":
      case "write-fua":
        return isMediumError(this.model, operation.range, true) ? "writeErrors" : undefined;
      default:
        return undefined;
    }
  }

  /** Everything again, then back to main, which must hold it all afterwards. */
  async finish(): Promise<void> {
    await this.#compare.all();
    for (const side of ["main", "spare"] as const) {
      await this.#setDead(side, undefined);
      await this.#heal(side);
    }
    await this.#compare.readRange(this.#whole());
    await this.#unmap(this.#whole(), false, () => this.device.clear(false));
    await this.#unmap(this.#whole(), true, () => this.device.clear(true));
    this.#checkStatus();
    await this.#compare.mainMedium();
  }

  #whole(): Range {
    return { first: 0, count: this.model.geometry.sectors };
  }

  async #apply(operation: Operation, number: number): Promise<void> {
    const { device } = this;
    switch (operation.op) {
      case "read":
        return await this.#compare.read(operation.range);
      case "write":
      case "write-fua":
        return await this.#compare.write(operation.range, number, operation.op === "write-fua");
      case "zero":
        return await this.#compare.zero(operation.range);
      case "discard":
        return await this.#compare.discard(operation.range);
      case "flush":
        return await this.#flush();
      case "scan":
        return await this.#compare.scan(operation.range);
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
      case "check":
        return await this.#compare.all();
      case "refuse":
        return await this.#refuse(operation.message);
      case "suspend":
      case "reload":
      case "recreate":
      case "save":
      case "restore":
        return await this.#restart(operation.op);
      case "migrate":
        return await this.#migrate();
      default:
        return await this.#harm(operation);
    }
  }

  async #harm(operation: Operation): Promise<void> {
    switch (operation.op) {
      case "fault": {
        if (this.#isTooMuch(operation.side, operation.range)) return;
        const offset = operation.side === "main" ? 0 : this.model.geometry.spareStart;
        const range = { first: operation.range.first + offset, count: operation.range.count };
        this.model.faults[operation.side].add(operation.kind, range);
        return await this.device.addFault(operation.side, operation.kind, range);
      }
      case "heal":
        return await this.#heal(operation.side);
      case "dead":
        return await this.#setDead(operation.side, operation.how);
      case "alive":
        return await this.#setDead(operation.side, undefined);
    }
  }

  /**
   * A device that says no more than that it fails is dead for the target if a few random places fail
   * as well; and a spare of which too many slots in a row refuse a write is not used for a while.
   */
  #isTooMuch(side: Side, { count }: Range): boolean {
    const { geometry: { sectors, slots, unit, rules }, faults } = this.model;
    const bad = faults[side].bad + count;
    if (side === "spare" && bad > MOST_BAD_SLOTS * unit) return true;
    const device = side === "main" ? sectors : slots;
    return rules.saysMedium !== true && bad > device / PART_THAT_ANSWERS;
  }

  async #restart(op: RestartOp): Promise<void> {
    const restarts = new Restarts(
      this.device,
      this.model,
      this.#compare,
      () => this.#checkStatus(),
    );
    await restarts.run(op);
    // Its counters are new.
    if (op === "recreate") this.#status = this.device.status();
  }

  async #flush(): Promise<void> {
    const code = codeOf(await this.device.flush());
    const { main, spare } = this.model.faults;
    if (main.dead === undefined && spare.dead === undefined) {
      // One of the target's own may have failed while a device was dead; it is told once.
      const owed = this.#mayOweFlushError && (code === "EIO" || code === "ENOLINK");
      if (!owed) promise7HealthyIsServed("a flush", code);
      this.#mayOweFlushError = false;
    } else if (this.model.geometry.rules.flushes === true) {
      promise9FlushErrorComesBack(code, main.dead === undefined ? "the spare" : "main");
    }
  }

  async #remap(ranges: readonly Range[]): Promise<void> {
    const { model } = this;
    const forecast = forecastRemap(model, ranges);
    model.mayTrySlots();
    const outcome = await this.device.remap(ranges);
    if (outcome.ok) this.#remapped(ranges, forecast, outcome.value);
    else {
      const distrusted = ["cut off", "doubtful"].includes(forecast.outcome) ||
        this.#compare.recovering;
      const codes = distrusted ? ["EIO", "ENOSPC"] : ["ENOSPC"];
      contract(codes.includes(outcome.code), `remap failed with ${outcome.code}`);
      contract(
        forecast.outcome !== "done" || outcome.code === "EIO",
        "remap said ENOSPC although there are free slots",
      );
      expectNotRemapped(model, forecast);
    }
    for (const range of ranges) await this.#compare.places(range);
    await this.#sync();
    for (const range of ranges) await this.#compare.readRange(range);
  }

  #remapped(
    ranges: readonly Range[],
    forecast: RemapForecast,
    reply: { readonly remapped: bigint; readonly lost: bigint },
  ): void {
    contract(forecast.outcome !== "full", "remap succeeded although the spare cannot hold it");
    contract(forecast.outcome !== "cut off", "remap succeeded although a device does not answer");
    const asked = ranges.reduce((sum, { count }) => sum + count, 0);
    contract(
      Number(reply.remapped) === asked && Number(reply.lost) === forecast.lost,
      `remap replied remapped=${reply.remapped} lost=${reply.lost}, ` +
        `not remapped=${asked} lost=${forecast.lost}`,
    );
    expectRemapped(this.model, forecast);
  }

  async #migrate(): Promise<void> {
    const { model } = this;
    const forecast = forecastMigration(model);
    const outcome = await this.device.migrate();
    contract(outcome.ok, `migrate failed with ${codeOf(outcome)}`);
    expectMigrated(model, forecast);
    // Slots of the other spare are bad no more.
    this.#status = { ...this.#status, spareBad: 0n };
    await this.#compare.places(this.#whole());
    checkOffline(model, await this.device.offline(), this.device.status());
    await this.#compare.readRange(this.#whole());
  }

  async #unmap(
    range: Range,
    force: boolean,
    run: () => ReturnType<TestDevice["unmap"]>,
  ): Promise<void> {
    const { model } = this;
    const forecast = forecastUnmap(model, range, force);
    const before = model.accounts().remapped;
    const outcome = await run();
    if (outcome.ok) {
      contract(!forecast.cutOff, "unmap succeeded although a device does not answer");
      const { cleared, kept } = forecast;
      const reply = outcome.value;
      contract(
        Number(reply.cleared) === cleared && Number(reply.kept) === kept,
        `unmap replied cleared=${reply.cleared} kept=${reply.kept}, ` +
          `not cleared=${cleared} kept=${kept}`,
      );
    } else {contract(
        forecast.cutOff || this.#compare.recovering,
        `unmap failed with ${codeOf(outcome)}`,
      );}
    expectUnmapped(model, forecast, outcome.ok);
    await this.#compare.places(range);
    model.cleared(before - model.accounts().remapped);
    await this.#sync();
    await this.#compare.readRange(range);
  }

  async #heal(side: Side): Promise<void> {
    const { model } = this;
    model.faults[side].heal();
    await this.device.heal(side);
    // What was lost stays lost, also when main gives the old data again.
    const { unit } = model.geometry;
    const lost = [...model.relocated()].filter((sector) =>
      model.at(sector).relocation?.state === "lost"
    );
    for (const sector of lost.slice(0, 2)) {
      await this.#compare.read({ first: sector - sector % unit, count: unit });
    }
  }

  async #setDead(side: Side, how: Model["faults"]["main"]["dead"]): Promise<void> {
    const { faults, geometry } = this.model;
    const sides = geometry.oneDevice === true ? ["main", "spare"] as const : [side];
    const dies = sides.some((each) => faults[each].dead !== undefined);
    if (how === undefined && !dies) return;
    for (const each of sides) faults[each].dead = how;
    if (how !== undefined) this.#mayOweFlushError = true;
    await this.device.setDead(side, how);
    if (how === undefined) this.#compare.deviceIsBack();
  }

  /** Faults that pass by themselves: ask below which are still there. */
  async #sync(): Promise<void> {
    for (const side of ["main", "spare"] as const) {
      const faults = this.model.faults[side];
      if (faults.passing) faults.sync(await this.device.passing(side));
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
    contract(status.mode === "rw", `mode=${status.mode} on a spare that takes writes`);
    this.#status = status;
  }
}
