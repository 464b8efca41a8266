// SPDX-License-Identifier: GPL-2.0-only
//
// Disks that go bad under load: what is on them can still be read, and cannot be written any more. So
// nothing is lost, and whoever writes must not notice.
import { Random } from "../../../cli/selftest/random.ts";
import type { DeviceMapper } from "../../../ffi/libdevmapper.ts";
import { BadSectors } from "../../suite/guest/lower.ts";
import { SEED } from "../layout.ts";
import { Remapped } from "./remapped.ts";
import { sleep } from "./steps.ts";

/** Sectors of a spare, with its metadata. */
const SPARE_SECTORS = 16 * 2048;
const PAUSE_MS = 100;

/** A remap device over a disk with sectors that refuse writes, and more of them as time goes by. */
export class WearingDisk implements AsyncDisposable {
  #wearing = false;
  #work: Promise<void> | undefined;
  #gone = 0;

  private constructor(
    private readonly bad: BadSectors,
    readonly remapped: Remapped,
    private readonly random: Random,
  ) {}

  /** @param first sector on the disk named `serial`; the spare lies behind main there */
  static async create(
    dm: DeviceMapper,
    { name, serial, first = 0, sectors, bad }: {
      readonly name: string;
      readonly serial: string;
      readonly first?: number;
      readonly sectors: number;
      /** So many are bad from the beginning. */
      readonly bad: number;
    },
  ): Promise<WearingDisk> {
    const disk = await Deno.realPath(`/dev/lab/${serial}`);
    const piece = async (part: string, start: number, count: number) => {
      const params = `${disk} ${start}`;
      const spec = { start: 0n, length: BigInt(count), type: "linear", params };
      await dm.createWithTable(`${name}-${part}`, [spec]);
      return `/dev/mapper/${name}-${part}`;
    };
    const main = await piece("main", first, sectors);
    const spare = await piece("spare", first + sectors, SPARE_SECTORS);
    const below = await BadSectors.create(dm, `${name}-bad`, main, sectors, "medium");
    const remapped = await Remapped.create(dm, {
      name,
      main: below.path,
      sectors,
      spare,
      spareSectors: SPARE_SECTORS,
    });
    const random = new Random(SEED + first + name.length);
    const wearing = new WearingDisk(below, remapped, random);
    for (let i = 0; i < bad; i++) await wearing.#wear();
    return wearing;
  }

  /** Sectors of a disk that one of these takes. */
  static sectorsFor(main: number): number {
    return main + SPARE_SECTORS;
  }

  get path(): string {
    return this.remapped.path;
  }

  /** How many sectors have gone bad by now. */
  get gone(): number {
    return this.#gone;
  }

  async #wear(): Promise<void> {
    const first = this.random.below(this.bad.sectors);
    await this.bad.addFault("write", { first, count: 1 });
    this.#gone++;
  }

  /** A run of sectors can neither be read nor written any more; says how many of them are on main. */
  async ruin(first: number, count: number): Promise<number> {
    const relocated = new Set(await this.remapped.relocated());
    await this.bad.addFault("both", { first, count });
    this.#gone += count;
    return Array.from({ length: count }, (_, i) => first + i)
      .filter((sector) => !relocated.has(sector)).length;
  }

  /** From now on sectors go bad, until {@linkcode rest}. */
  wearOn(): void {
    this.#wearing = true;
    const work = async () => {
      while (this.#wearing) {
        await this.#wear();
        await sleep(PAUSE_MS);
      }
    };
    this.#work = work();
    // Told when it is waited for.
    this.#work.catch(() => undefined);
  }

  async rest(): Promise<void> {
    this.#wearing = false;
    await this.#work;
    this.#work = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { dm, options: { name } } = this.remapped;
    await this.rest();
    await this.remapped[Symbol.asyncDispose]();
    await this.bad[Symbol.asyncDispose]();
    for (const part of ["main", "spare"]) await dm.remove(`${name}-${part}`, { retry: true });
  }
}
