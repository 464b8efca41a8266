// SPDX-License-Identifier: GPL-2.0-only
//
// Who takes part in a race: writers, readers, movers, and those who suspend and reload.
import { setImmediate } from "node:timers/promises";
import { type Outcome } from "../model/device.ts";
import { outcomeOf } from "../model/guest_device.ts";
import type { Range } from "../suite/guest/range.ts";
import { contract, promise7HealthyIsServed } from "../model/promises.ts";
import { SECTOR_BYTES } from "../model/stamps.ts";
import type { Ledger } from "./ledger.ts";
import type { Random } from "./random.ts";
import type { Stack } from "./stack.ts";

/** It would have to wait; or a device below cannot tell, so that nothing above it can. */
const REFUSALS: readonly string[] = ["EAGAIN", "EOPNOTSUPP"];

/** How requests fail while a device is dead. */
const DEAD_CODES: readonly string[] = ["EIO", "ENOLINK"];
/** So long the target may distrust a device that did not answer. */
const DISTRUST_MS = 3000;
/** Bad sectors are met many times a second. */
const MOST_WAIT_MS = 30_000;

function bytes(sectors: number): bigint {
  return BigInt(sectors * SECTOR_BYTES);
}

export class Race {
  moves = 0;
  writes = 0;
  reads = 0;
  refusedMoves = 0;
  refusedReads = 0;
  migrations = 0;
  /** Faults injected. */
  faults = 0;
  failedReads = 0;
  failedWrites = 0;
  /** Writes may fail: there may be no slot for them. */
  mayRunOut = false;
  /** Moves cannot tell what they will find. */
  sectorsGoBad = false;
  slotsGoBad = false;
  /** Sectors are made lost. */
  mayLose = false;
  /** Until then requests may fail because a device was dead when they were made. */
  #deadUntil = 0;
  /** No longer than until then does a race go on because nobody has met a bad sector. */
  #metAtLast: number | undefined;
  #failure: unknown;
  #stopped = false;

  constructor(readonly stack: Stack, readonly ledger: Ledger, readonly random: Random) {}

  get running(): boolean {
    return !this.#stopped;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Runs all of them until each has ended; the first failure ends the others, and is thrown. */
  async together(parties: readonly Promise<void>[]): Promise<void> {
    const guarded = parties.map((party) =>
      party.catch((error) => {
        this.#failure ??= error;
        this.stop();
      })
    );
    await Promise.all(guarded);
    if (this.#failure !== undefined) throw this.#failure;
  }

  async write(range: Range): Promise<void> {
    const write = this.ledger.beginWrite(range);
    const started = performance.now();
    const outcome = await outcomeOf(this.stack.file.write(bytes(range.first), write.data));
    this.writes++;
    if (outcome.ok) return this.ledger.acknowledge(write);
    if (!this.#wasDead(started, outcome.code) && !(this.mayRunOut && outcome.code === "EIO")) {
      promise7HealthyIsServed(`a write of ${range.first}+${range.count}`, outcome.code);
    }
    this.failedWrites++;
  }

  deviceDies(): void {
    this.#deadUntil = Infinity;
  }

  /** It answers again, but is distrusted for a while. */
  deviceIsBack(): void {
    this.#deadUntil = performance.now() + DISTRUST_MS;
  }

  /** Waits until the target takes the devices for what they are. */
  async trustAgain(): Promise<void> {
    const left = this.#deadUntil - performance.now();
    if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
  }

  #wasDead(started: number, code: string): boolean {
    return started < this.#deadUntil && DEAD_CODES.includes(code);
  }

  /** @param nowait fail rather than wait, which is no failure of the target's */
  async read(range: Range, nowait = false): Promise<void> {
    const read = this.ledger.beginRead(range);
    const { first, count } = range;
    const started = performance.now();
    const request = this.stack.file.read(bytes(first), count * SECTOR_BYTES, { nowait });
    const outcome = await outcomeOf(request);
    if (outcome.ok) this.ledger.endRead(read, outcome.value);
    else if (nowait && REFUSALS.includes(outcome.code)) this.refusedReads++;
    else {
      if (!this.#wasDead(started, outcome.code)) this.ledger.failRead(read, outcome.code);
      this.failedReads++;
    }
    this.reads++;
  }

  /** Writes its range again and again. */
  async writer(range: Range): Promise<void> {
    while (this.running) {
      await this.write(range);
      // Requests that are done at once would never let the other parties have their turn.
      await setImmediate();
    }
  }

  /** Reads any of the ranges, or a part of it. */
  async reader(ranges: readonly Range[]): Promise<void> {
    while (this.running) {
      const whole = this.random.pick(ranges);
      const range = this.random.chance(2) ? whole : this.random.part(whole);
      await this.read(range, this.random.chance(4));
      await setImmediate();
    }
  }

  /** So many moves have been made, and where sectors go bad one of them has met somebody. */
  #isEnough(moves: number): boolean {
    if (this.moves < moves) return false;
    this.#metAtLast ??= performance.now() + MOST_WAIT_MS;
    return !this.sectorsGoBad || performance.now() > this.#metAtLast ||
      this.stack.target.status().autoRemaps > 0n;
  }

  /** Relocates and takes back, until all movers together have done enough. */
  async mover(pick: () => readonly Range[], moves: number): Promise<void> {
    const { target } = this.stack;
    while (this.running && !this.#isEnough(moves)) {
      const list = pick().map(({ first, count }) => ({
        first: BigInt(first),
        count: BigInt(count),
      }));
      const asked = list.reduce((sum, { count }) => sum + count, 0n);
      const started = performance.now();
      if (this.random.chance(2)) {
        this.#moved(
          started,
          await outcomeOf(target.remap(list)),
          ({ remapped, lost }) => remapped === asked && (lost === 0n || this.sectorsGoBad),
        );
      } else {
        this.#moved(
          started,
          await outcomeOf(target.unmap(list)),
          ({ kept }) => kept === 0n || this.sectorsGoBad,
        );
      }
    }
    this.stop();
  }

  #moved<T>(started: number, outcome: Outcome<T>, isRight: (value: T) => boolean): void {
    if (outcome.ok) {
      contract(isRight(outcome.value), `a move replied ${JSON.stringify(outcome.value, text)}`);
      this.moves++;
      return;
    }
    // Suspended just now, or about to be.
    const stopped = outcome.code === "EBUSY" || outcome.code === "EINTR";
    const full = outcome.code === "ENOSPC" && this.mayRunOut;
    contract(
      stopped || full || this.#wasDead(started, outcome.code),
      `a move failed with ${outcome.code}`,
    );
    this.refusedMoves++;
  }

  /** Scans ranges of the device, and stops some of the scans. */
  async scanner(sectors: number): Promise<void> {
    while (this.running) {
      const first = this.random.below(sectors);
      const last = first + this.random.below(sectors - first);
      await outcomeOf(this.stack.target.send(`scan ${first} ${last}`));
      await new Promise((resolve) => setTimeout(resolve, this.random.below(20)));
      if (this.random.chance(3)) await this.stack.target.send("scan stop");
    }
  }

  /** Writes the table as a whole, into the middle of everything. */
  async saver(): Promise<void> {
    while (this.running) {
      await new Promise((resolve) => setTimeout(resolve, this.random.below(50)));
      const outcome = await outcomeOf(this.stack.target.send("save"));
      contract(
        outcome.ok || outcome.code === "EBUSY",
        `save failed: ${outcome.ok ? "" : outcome.code}`,
      );
    }
  }

  /** Moves to the other spare and back, so often; some migrations are stopped. */
  async migrator(migrations: number): Promise<void> {
    for (let done = 0; done < migrations && this.running;) {
      const begun = await outcomeOf(this.stack.migrate());
      if (!begun.ok) {
        // Suspended just now.
        contract(begun.code === "EBUSY", `migrate failed with ${begun.code}`);
        await setImmediate();
        continue;
      }
      if (this.random.chance(6)) {
        await new Promise((resolve) => setTimeout(resolve, this.random.below(30)));
        await outcomeOf(this.stack.target.send("migrate stop"));
      }
      const state = await this.#migration();
      contract(state === "done" || state === "stopped", `a migration has ${state}`);
      if (state === "stopped") continue;
      done++;
      this.migrations++;
      this.stack.migrated();
    }
    this.stop();
  }

  async #migration(): Promise<string> {
    for (;;) {
      const reply = await this.stack.target.send("migrate status");
      const [state = ""] = /(?<=^migrate=)\w+/.exec(reply) ?? [];
      if (state !== "running") return state;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  /** Asks everything that can be asked, which takes no turn and must not meet what is gone. */
  async watcher(): Promise<void> {
    const { target, name } = this.stack;
    const folder = `/sys/kernel/debug/dm-remap/${name}`;
    const files = [...Deno.readDirSync(folder)].map((entry) => `${folder}/${entry.name}`);
    while (this.running) {
      target.status();
      target.table();
      await target.stats();
      await target.health();
      await Array.fromAsync(target.entries({ pageSize: 16 }));
      for (const file of files) await Deno.readTextFile(file);
      await setImmediate();
    }
  }

  /** Suspends and resumes, all the time. */
  async suspender(): Promise<void> {
    while (this.running) {
      await new Promise((resolve) => setTimeout(resolve, 5 + this.random.below(40)));
      await this.stack.suspendFor(this.random.below(10));
    }
  }

  /** Suspends and resumes, or loads the same table again, all the time. */
  async disturber(): Promise<void> {
    while (this.running) {
      await new Promise((resolve) => setTimeout(resolve, 5 + this.random.below(40)));
      const restores = this.stack.lasts && this.random.chance(2);
      const message = restores ? "restore" : undefined;
      if (this.random.chance(2)) await this.stack.suspendFor(this.random.below(10), message);
      else await this.stack.reload();
    }
  }
}

function text(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}` : value;
}
