// SPDX-License-Identifier: GPL-2.0-only
//
// Devices below the target whose sectors can be made to fail and to heal while they are in use.
import type { DeviceMapper, TargetSpec } from "../../ffi/libdevmapper.ts";
import type { Range } from "./model.ts";
import { run } from "./process.ts";

/** A block device with bad sectors at will. */
export interface LowerDevice extends AsyncDisposable {
  readonly path: string;
  readonly sectors: number;
  /** Makes exactly these sectors fail, reads and writes alike. */
  setFaults(sectors: Iterable<number>): Promise<void>;
}

/** Joins neighbours, in order. */
export function toRanges(sectors: Iterable<number>): Range[] {
  const ranges: { first: number; count: number }[] = [];
  for (const sector of [...sectors].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && last.first + last.count === sector) last.count++;
    else ranges.push({ first: sector, count: 1 });
  }
  return ranges;
}

const SECTORS_PER_MIB = 2048;
const CONFIG = "/sys/kernel/config/nullb";

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/** null_blk with memory behind it and a list of bad blocks. */
export class NullBlock implements LowerDevice {
  readonly path: string;
  #bad: readonly Range[] = [];

  private constructor(private readonly name: string, readonly sectors: number) {
    this.path = `/dev/${name}`;
  }

  /** @param completionNs how long each request takes after its data has moved; at once if left out */
  static async create(
    name: string,
    mebibytes: number,
    blockSize: number,
    completionNs?: number,
  ): Promise<NullBlock> {
    await run("modprobe", "null_blk", "nr_devices=0");
    if (!exists(CONFIG)) await run("mount", "-t", "configfs", "configfs", "/sys/kernel/config");
    Deno.mkdirSync(`${CONFIG}/${name}`);
    const device = new NullBlock(name, mebibytes * SECTORS_PER_MIB);
    const settings = {
      size: mebibytes,
      blocksize: blockSize,
      memory_backed: 1,
      discard: 1,
      ...(completionNs === undefined
        ? { irqmode: 0 }
        : { irqmode: 2, completion_nsec: completionNs }),
      power: 1,
    };
    for (const [key, value] of Object.entries(settings)) device.#set(key, `${value}`);
    return device;
  }

  #set(key: string, value: string): void {
    Deno.writeTextFileSync(`${CONFIG}/${this.name}/${key}`, value, { create: false });
  }

  setFaults(sectors: Iterable<number>): Promise<void> {
    const text = ({ first, count }: Range) => `${first}-${first + count - 1}`;
    for (const range of this.#bad) this.#set("badblocks", `-${text(range)}`);
    this.#bad = toRanges(sectors);
    for (const range of this.#bad) this.#set("badblocks", `+${text(range)}`);
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#set("power", "0");
    Deno.removeSync(`${CONFIG}/${this.name}`);
    return Promise.resolve();
  }
}

/** A dm device whose bad sectors are segments of the `error` target. */
export class SwappedTable implements LowerDevice {
  readonly path: string;

  private constructor(
    private readonly dm: DeviceMapper,
    private readonly name: string,
    private readonly below: string,
    readonly sectors: number,
  ) {
    this.path = `/dev/mapper/${name}`;
  }

  static async create(
    dm: DeviceMapper,
    name: string,
    below: string,
    sectors: number,
  ): Promise<SwappedTable> {
    const device = new SwappedTable(dm, name, below, sectors);
    await dm.createWithTable(name, device.#table([]));
    return device;
  }

  #table(bad: readonly Range[]): TargetSpec[] {
    const table: TargetSpec[] = [];
    const line = (start: number, end: number, type: string, params: string) => {
      if (end > start) {
        table.push({ start: BigInt(start), length: BigInt(end - start), type, params });
      }
    };
    let next = 0;
    for (const { first, count } of bad) {
      line(next, first, "linear", `${this.below} ${next}`);
      line(first, first + count, "error", "");
      next = first + count;
    }
    line(next, this.sectors, "linear", `${this.below} ${next}`);
    return table;
  }

  async setFaults(sectors: Iterable<number>): Promise<void> {
    await this.dm.reload(this.name, this.#table(toRanges(sectors)));
    await this.dm.suspend(this.name, { skipLockfs: true });
    await this.dm.resume(this.name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dm.remove(this.name, { retry: true });
  }
}
