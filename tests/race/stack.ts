// SPDX-License-Identifier: GPL-2.0-only
//
// The devices of a race: null_blk with memory, delays on top if wanted, and the target.
import { RemapDevice } from "../../cli/device/remap_device.ts";
import { type RemapFeatures, type RemapTable, toTarget } from "../../cli/device/table_line.ts";
import { MemoryImage } from "../../cli/metadata/image.ts";
import { layoutOf } from "../../cli/metadata/layout.ts";
import { loadMetadata, type Metadata } from "../../cli/metadata/load.ts";
import { DirectFile } from "../../ffi/direct_file.ts";
import type { DeviceMapper } from "../../ffi/libdevmapper.ts";
import { BadSectors, type BadStatus, type LowerDevice, NullBlock } from "../suite/guest/lower.ts";
import { run } from "../suite/guest/process.ts";
import { SECTOR_BYTES, spareStamps } from "../model/stamps.ts";
import type { Ledger } from "./ledger.ts";

const NAME = "race";
const MAIN_MIB = 4;
const SPARE_MIB = 2;
const SECTORS_PER_MIB = 2048;
export const MAIN_SECTORS = MAIN_MIB * SECTORS_PER_MIB;
export const SPARE_SECTORS = SPARE_MIB * SECTORS_PER_MIB;
const MIB_SECTORS = 2048;

/**
 * Milliseconds that a request waits before it reaches the device. Delayed requests stay in order, so
 * slow writes alone are worse than slow everything: a copy overtakes them.
 */
export interface Delay {
  readonly reads: number;
  readonly writes: number;
}

export interface StackOptions {
  readonly main?: Delay;
  readonly spare?: Delay;
  /** Below the delays there are devices whose sectors go bad like this. */
  readonly bad?: BadStatus;
  readonly features?: RemapFeatures;
  /** Sectors; all of the spare device unless told. */
  readonly slots?: number;
  /** With metadata before the slots. */
  readonly lasts?: boolean;
  /** There is another spare to migrate to; both are as slow as the spare. */
  readonly twoSpares?: boolean;
}

/** A range of the spare with room for metadata before so many slots; else all of it. */
function lastingSectors(slots: number | undefined): number {
  if (slots === undefined) return SPARE_SECTORS;
  let sectors = slots;
  while (layoutOf(sectors, 1).slots < slots) sectors++;
  return sectors;
}

export class Stack implements AsyncDisposable {
  readonly #delays: string[] = [];
  #target: RemapDevice | undefined;
  #file: DirectFile | undefined;
  #table: RemapTable | undefined;
  /** The spare that is not in use. */
  #next = "";
  /** The first slot. */
  slotsStart = 0;

  private constructor(
    readonly dm: DeviceMapper,
    readonly main: LowerDevice,
    readonly spare: LowerDevice,
    private readonly other: LowerDevice | undefined,
  ) {}

  static async create(dm: DeviceMapper, ledger: Ledger, options: StackOptions): Promise<Stack> {
    const device = async (name: string, mebibytes: number) => {
      const below = await NullBlock.create(name, mebibytes, 512, 20_000);
      if (options.bad === undefined) return below;
      return await BadSectors.create(dm, `${name}-bad`, below, below.sectors, options.bad);
    };
    const main = await device("racemain", MAIN_MIB);
    const spare = await device("racespare", SPARE_MIB);
    const other = options.twoSpares === true ? await device("raceother", SPARE_MIB) : undefined;
    const stack = new Stack(dm, main, spare, other);
    await stack.#fill(ledger);
    await stack.#build(options);
    return stack;
  }

  async #fill(ledger: Ledger): Promise<void> {
    using main = DirectFile.open(this.main.path, { write: true });
    using spare = DirectFile.open(this.spare.path, { write: true });
    for (let first = 0; first < MAIN_SECTORS; first += MIB_SECTORS) {
      await main.write(
        BigInt(first * SECTOR_BYTES),
        ledger.initial({ first, count: MIB_SECTORS }),
      );
    }
    await spare.write(0n, spareStamps(ledger.seed, 0, SPARE_SECTORS));
  }

  get lasts(): boolean {
    return this.slotsStart > 0;
  }

  async #build(options: StackOptions): Promise<void> {
    const lasts = options.lasts === true;
    const spareSectors = lasts ? lastingSectors(options.slots) : options.slots ?? SPARE_SECTORS;
    if (lasts) await this.#prepareMetadata(spareSectors);
    if (this.other !== undefined) {
      this.#next = await this.#delay("raceother-delay", this.other, options.spare);
    }
    this.#table = {
      start: 0n,
      length: BigInt(MAIN_SECTORS),
      main: await this.#delay("racemain-delay", this.main, options.main),
      mainStart: 0n,
      spare: await this.#delay("racespare-delay", this.spare, options.spare),
      spareStart: 0n,
      spareLength: BigInt(spareSectors),
      features: {
        volatile: !lasts,
        maxRemaps: 0n,
        retries: 1n,
        retryDelayMs: 0n,
        ...options.features,
      },
    };
    await this.#create();
  }

  async #prepareMetadata(spareSectors: number): Promise<void> {
    this.slotsStart = layoutOf(spareSectors, 1).slotsStart;
    await this.#wipe(this.spare.path);
  }

  async #wipe(path: string): Promise<void> {
    using spare = DirectFile.open(path, { write: true });
    await spare.write(0n, new Uint8Array(this.slotsStart * SECTOR_BYTES));
  }

  /** Begins to move to the other spare. */
  async migrate(): Promise<void> {
    await this.#wipe(this.#next);
    await this.target.send(`migrate ${this.#next} 0 ${this.#table?.spareLength}`);
  }

  /** It has come to its end; the old spare is the one to go to next. */
  migrated(): void {
    if (this.#table === undefined) throw new Error("there is no table");
    const spare = this.#next;
    this.#next = this.#table.spare;
    this.#table = { ...this.#table, spare };
  }

  async #create(): Promise<void> {
    if (this.#table === undefined) throw new Error("there is no table");
    await this.dm.createWithTable(NAME, [toTarget(this.#table)]);
    this.#target = RemapDevice.open(this.dm, NAME);
    this.#file = DirectFile.open(`/dev/mapper/${NAME}`, { write: true });
  }

  /** Removes the target and makes it again. */
  async recreate(): Promise<void> {
    this.#file?.[Symbol.dispose]();
    await this.dm.remove(NAME, { retry: true });
    await this.#create();
  }

  /** What the spare says by itself. */
  async metadata(): Promise<Metadata> {
    using spare = DirectFile.open(this.#table?.spare ?? this.spare.path);
    const image = new MemoryImage(Number(this.#table?.spareLength ?? 0n) * SECTOR_BYTES);
    image.write(0, await spare.read(0n, this.slotsStart * SECTOR_BYTES));
    return loadMetadata(image);
  }

  async #delay(name: string, below: LowerDevice, delay?: Delay): Promise<string> {
    if (delay === undefined) return below.path;
    await run("modprobe", "-q", "-a", "dm-delay").catch(() => "built in");
    const params = `${below.path} 0 ${delay.reads} ${below.path} 0 ${delay.writes}`;
    const length = BigInt(below.sectors);
    await this.dm.createWithTable(name, [{ start: 0n, length, type: "delay", params }]);
    this.#delays.push(name);
    return `/dev/mapper/${name}`;
  }

  /** Of the mapped device. */
  get name(): string {
    return NAME;
  }

  get target(): RemapDevice {
    if (this.#target === undefined) throw new Error("the device is not there");
    return this.#target;
  }

  get file(): DirectFile {
    if (this.#file === undefined) throw new Error("the device is not there");
    return this.#file;
  }

  /** @param message is sent meanwhile */
  async suspendFor(milliseconds: number, message?: string): Promise<void> {
    await this.dm.suspend(NAME);
    if (message !== undefined) await this.target.send(message);
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    await this.dm.resume(NAME);
  }

  async reload(): Promise<void> {
    if (this.#table === undefined) throw new Error("the device is not there");
    await this.dm.reload(NAME, [toTarget(this.#table)]);
    await this.dm.suspend(NAME);
    await this.dm.resume(NAME);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#file?.[Symbol.dispose]();
    for (const name of [NAME, ...this.#delays]) {
      const info = this.dm.info(name);
      if (info?.suspended) await this.dm.resume(name);
      if (info !== undefined) await this.dm.remove(name, { retry: true });
    }
    await this.main[Symbol.asyncDispose]();
    await this.spare[Symbol.asyncDispose]();
    await this.other?.[Symbol.asyncDispose]();
  }
}
