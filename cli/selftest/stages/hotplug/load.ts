// SPDX-License-Identifier: GPL-2.0-only
// Writers that go on while a disk is unplugged and plugged in: what may fail is allowed to fail, what
// was acknowledged has to be there.
import { check, checkEqual, CheckError, codeOf } from "../../check.ts";
import { newGeneration, position, readSectors } from "../../content.ts";
import { findMismatch, type Generation, makeSectors } from "../../pattern.ts";
import { Random } from "../../random.ts";
import type { Rig } from "../../rig.ts";
import { inBackground } from "../../tasks.ts";

const WORKERS = 4;
/** Requests stay within one: those of two workers never overlap. */
export const STRIPE = 64;
const LONGEST = 24;

/** What a disk gives that is not there: ENODEV while it goes. */
const GONE: ReadonlySet<string> = new Set(["EIO", "ENODEV"]);

/** Whether a request to these sectors may fail, at this moment. */
export type MayFail = (first: number, count: number) => boolean;

export class Load {
  /** Requests that ended well, and those that failed and were allowed to. */
  done = 0;
  failed = 0;
  #stopped = false;
  #mayFail: MayFail;
  #running: Promise<void> = Promise.resolve();
  /** What a sector may hold after a write of it has failed. */
  readonly #doubts = new Map<number, Set<Generation>>();

  constructor(
    private readonly rig: Rig,
    private readonly seed: number,
    mayFail: MayFail,
  ) {
    this.#mayFail = mayFail;
  }

  /** What holds for requests that begin from now on. */
  expect(mayFail: MayFail): void {
    this.#mayFail = mayFail;
  }

  start(): void {
    this.#stopped = false;
    this.#running = inBackground(
      Array.from({ length: WORKERS }, (_, worker) => this.#work(worker)),
    );
  }

  /** @throws the first failure that was not allowed, content that is wrong */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  /** So many more requests have ended well. */
  async goesOn(requests: number): Promise<void> {
    const wanted = this.done + requests;
    while (this.done < wanted && !this.#stopped) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Every sector can be read again, and holds what it may hold. */
  async settle(what: string, rig: Rig): Promise<void> {
    for (const [sector, allowed] of this.#doubts) {
      const bytes = await readSectors(rig.file, sector, 1);
      const fits = [...allowed].find((each) =>
        findMismatch(bytes, sector, () => each) === undefined
      );
      if (fits === undefined) {
        throw new CheckError(
          `${what}: sector ${sector}, where a write has failed`,
          `write ${[...allowed].join(" or ")}`,
          findMismatch(bytes, sector, () => rig.content.generation(sector))?.seen ?? "",
        );
      }
      rig.content.set(sector, 1, fits);
    }
    this.#doubts.clear();
    await rig.check(what);
  }

  async #work(worker: number): Promise<void> {
    const random = new Random(this.seed + 1000 * worker);
    const stripes = this.rig.length / STRIPE / WORKERS;
    try {
      while (!this.#stopped) {
        const stripe = (random.below(stripes) * WORKERS + worker) * STRIPE;
        const first = stripe + random.below(STRIPE);
        const count = random.between(1, Math.min(LONGEST, stripe + STRIPE - first));
        if (random.below(3) > 0) await this.#write(first, count);
        await this.#read(first, count);
      }
    } finally {
      this.#stopped = true;
    }
  }

  async #write(first: number, count: number): Promise<void> {
    const generation = newGeneration();
    const written = await this.#attempt(first, count, () => {
      return this.rig.file.write(position(first), makeSectors(first, count, generation));
    });
    for (let sector = first; sector < first + count; sector++) {
      if (written) this.#doubts.delete(sector);
      else this.#doubt(sector, generation);
    }
    if (written) this.rig.content.set(first, count, generation);
  }

  #doubt(sector: number, generation: Generation): void {
    const known = this.#doubts.get(sector) ?? new Set([this.rig.content.generation(sector)]);
    this.#doubts.set(sector, known.add(generation));
  }

  /** What is in no doubt is compared. */
  async #read(first: number, count: number): Promise<void> {
    const sectors = Array.from({ length: count }, (_, at) => first + at);
    if (sectors.some((sector) => this.#doubts.has(sector))) return;
    await this.#attempt(first, count, () => {
      return this.rig.check("a read beside other requests", first, count);
    });
  }

  async #attempt(first: number, count: number, action: () => Promise<void>): Promise<boolean> {
    const mayFail = this.#mayFail;
    try {
      await action();
      this.done++;
      return true;
    } catch (error) {
      if (!GONE.has(codeOf(error) ?? "") || !mayFail(first, count)) throw error;
      this.failed++;
      return false;
    }
  }
}

/** Until it is unplugged under load, and some time longer. */
export async function unplugUnderLoad(load: Load, unplug: () => Promise<void>): Promise<void> {
  load.start();
  await load.goesOn(200);
  checkEqual("requests that failed before", load.failed, 0);
  await unplug();
  await load.goesOn(200);
  // One of them needs what is gone, sooner or later.
  for (let round = 0; load.failed === 0 && round < 100; round++) await load.goesOn(20);
  await load.stop();
  check("requests that failed", load.failed > 0, { expected: "some", seen: load.failed });
}
