// SPDX-License-Identifier: GPL-2.0-only
// null_blk with memory behind it: bad sectors set and cleared at once, and a power switch.
import type { LoopDisk } from "../../loops.ts";
import { run } from "../../programs.ts";
import type { Range } from "../../rig.ts";
import type { Scope } from "../../scope.ts";
import { exists, missing, useDriver } from "./here.ts";

const CONFIGFS = "/sys/kernel/config";
const FOLDER = `${CONFIGFS}/nullb`;
const SECTORS_PER_MIB = 2048;

let made = 0;

export class NullDisk implements LoopDisk {
  #bad: readonly Range[] = [];

  private constructor(
    readonly name: string,
    readonly sectors: number,
    readonly blockSize: number,
  ) {}

  static async make(
    scope: Scope,
    { mebibytes = 1, blockSize = 512 }: { mebibytes?: number; blockSize?: number } = {},
  ): Promise<NullDisk> {
    await useDriver(scope, "null_blk", ["nr_devices=0"]);
    if (!exists(FOLDER)) await run("mount", ["-t", "configfs", "configfs", CONFIGFS]);
    if (!exists(FOLDER)) throw missing("null_blk in configfs");
    const disk = new NullDisk(`dmrtest${made++}`, mebibytes * SECTORS_PER_MIB, blockSize);
    await Deno.mkdir(disk.#folder);
    scope.defer(disk.path, async () => {
      await disk.powerOff();
      await Deno.remove(disk.#folder);
    });
    await disk.#set({ size: mebibytes, blocksize: blockSize, memory_backed: 1, discard: 1 });
    await disk.#set({ irqmode: 0, power: 1 });
    return disk;
  }

  get path(): string {
    return `/dev/${this.name}`;
  }
  get #folder(): string {
    return `${FOLDER}/${this.name}`;
  }

  async #set(values: Readonly<Record<string, number | string>>): Promise<void> {
    for (const [key, value] of Object.entries(values)) {
      await Deno.writeTextFile(`${this.#folder}/${key}`, `${value}`, { create: false });
    }
  }

  /** Makes these sectors fail, and no others. Takes effect at once, also under running requests. */
  async fail(bad: readonly Range[]): Promise<void> {
    const text = ({ first, count }: Range) => `${first}-${first + count - 1}`;
    for (const range of this.#bad) await this.#set({ badblocks: `-${text(range)}` });
    this.#bad = bad;
    for (const range of bad) await this.#set({ badblocks: `+${text(range)}` });
  }

  heal(): Promise<void> {
    return this.fail([]);
  }

  /** Takes the disk away from under its users. */
  powerOff(): Promise<void> {
    return this.#set({ power: 0 });
  }

  /** There it is again, with what it held. */
  powerOn(): Promise<void> {
    return this.#set({ power: 1 });
  }
}
