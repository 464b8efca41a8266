// SPDX-License-Identifier: GPL-2.0-only
//
// Devices below the target whose sectors can be made to fail and to heal while they are in use.
import type { DeviceMapper, TargetSpec } from "../../../ffi/libdevmapper.ts";
import type { Death, FaultKind, Passing } from "../../model/faults.ts";
import { run } from "./process.ts";
import { type Range, sectorsOf, toRanges } from "./range.ts";

/** A block device with bad sectors at will. */
export interface LowerDevice extends AsyncDisposable {
  readonly path: string;
  readonly sectors: number;
  addFault(kind: FaultKind, range: Range): Promise<void>;
  /** No sector of the range is bad any more. */
  heal(range: Range): Promise<void>;
  setDead(how: Death | undefined): Promise<void>;
  passing(): Promise<Passing>;
}

const SECTORS_PER_MIB = 2048;
const CONFIG = "/sys/kernel/config/nullb";
const NOTHING: Passing = { weak: new Set(), flaky: new Set() };

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

function only(kind: string, wanted: string): void {
  if (kind !== wanted) throw new Error(`this device knows only "${wanted}", not "${kind}"`);
}

/** null_blk with memory behind it and a list of bad blocks. */
export class NullBlock implements LowerDevice {
  readonly path: string;
  readonly #bad = new Set<number>();

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

  #mark(sign: "+" | "-", sectors: Iterable<number>): void {
    for (const { first, count } of toRanges(sectors)) {
      this.#set("badblocks", `${sign}${first}-${first + count - 1}`);
    }
  }

  addFault(kind: FaultKind, range: Range): Promise<void> {
    only(kind, "both");
    const fresh = [...sectorsOf(range)].filter((sector) => !this.#bad.has(sector));
    this.#mark("+", fresh);
    for (const sector of fresh) this.#bad.add(sector);
    return Promise.resolve();
  }

  heal({ first, count }: Range): Promise<void> {
    const good = [...this.#bad].filter((sector) => sector >= first && sector < first + count);
    this.#mark("-", good);
    for (const sector of good) this.#bad.delete(sector);
    return Promise.resolve();
  }

  setDead(how: Death | undefined): Promise<void> {
    if (how !== undefined) throw new Error("this device does not die");
    return Promise.resolve();
  }

  passing(): Promise<Passing> {
    return Promise.resolve(NOTHING);
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
  readonly #bad = new Set<number>();
  #dead = false;

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
    await dm.createWithTable(name, device.#table());
    return device;
  }

  #table(): TargetSpec[] {
    const table: TargetSpec[] = [];
    const line = (start: number, end: number, type: string, params: string) => {
      if (end > start) {
        table.push({ start: BigInt(start), length: BigInt(end - start), type, params });
      }
    };
    const bad = this.#dead ? [{ first: 0, count: this.sectors }] : toRanges(this.#bad);
    let next = 0;
    for (const { first, count } of bad) {
      line(next, first, "linear", `${this.below} ${next}`);
      line(first, first + count, "error", "");
      next = first + count;
    }
    line(next, this.sectors, "linear", `${this.below} ${next}`);
    return table;
  }

  async #swap(): Promise<void> {
    await this.dm.reload(this.name, this.#table());
    await this.dm.suspend(this.name, { skipLockfs: true });
    await this.dm.resume(this.name);
  }

  async addFault(kind: FaultKind, range: Range): Promise<void> {
    only(kind, "both");
    for (const sector of sectorsOf(range)) this.#bad.add(sector);
    await this.#swap();
  }

  async heal({ first, count }: Range): Promise<void> {
    const good = [...this.#bad].filter((sector) => sector >= first && sector < first + count);
    if (good.length === 0) return;
    for (const sector of good) this.#bad.delete(sector);
    await this.#swap();
  }

  async setDead(how: Death | undefined): Promise<void> {
    if (this.#dead === (how !== undefined)) return;
    this.#dead = !this.#dead;
    await this.#swap();
  }

  passing(): Promise<Passing> {
    return Promise.resolve(NOTHING);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dm.remove(this.name, { retry: true });
  }
}

/** How a bad sector fails: as most drivers say it, or as those do that know more. */
export type BadStatus = "io" | "medium";

/** A device under the target of module/lab_bad.c: every kind of fault, and no table is swapped. */
export class BadSectors implements LowerDevice {
  readonly path: string;

  private constructor(
    private readonly dm: DeviceMapper,
    private readonly name: string,
    readonly sectors: number,
    private readonly below: AsyncDisposable | undefined,
  ) {
    this.path = `/dev/mapper/${name}`;
  }

  /** @param below a path, or a device that lives as long as this one */
  static async create(
    dm: DeviceMapper,
    name: string,
    below: string | LowerDevice,
    sectors: number,
    status: BadStatus,
  ): Promise<BadSectors> {
    const path = typeof below === "string" ? below : below.path;
    const length = BigInt(sectors);
    const params = `${path} 0 ${status}`;
    await dm.createWithTable(name, [{ start: 0n, length, type: "lab_bad", params }]);
    return new BadSectors(dm, name, sectors, typeof below === "string" ? undefined : below);
  }

  async #send(message: string): Promise<string> {
    return await this.dm.message(this.name, 0n, message) ?? "";
  }

  async addFault(kind: FaultKind, { first, count }: Range): Promise<void> {
    await this.#send(`bad ${kind} ${first} ${count}`);
  }

  async heal({ first, count }: Range): Promise<void> {
    await this.#send(`good ${first} ${count}`);
  }

  async setDead(how: Death | undefined): Promise<void> {
    await this.#send(how === undefined ? "alive" : `dead ${how}`);
  }

  async passing(): Promise<Passing> {
    const still = { weak: new Set<number>(), flaky: new Set<number>() };
    for (const line of (await this.#send("bad")).split("\n")) {
      const [kind, first, count] = line.split(" ");
      if (kind !== "weak" && kind !== "flaky") continue;
      const range = { first: Number(first), count: Number(count) };
      for (const sector of sectorsOf(range)) still[kind].add(sector);
    }
    return still;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dm.remove(this.name, { retry: true });
    await this.below?.[Symbol.asyncDispose]();
  }
}
