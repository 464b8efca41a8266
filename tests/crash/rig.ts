// SPDX-License-Identifier: GPL-2.0-only
//
// In the guest: a disk's part, recorded, with bad sectors above the record, and the target on top.
// What fails never reaches the record, and so never the medium.
import { RemapDevice } from "../../cli/device/remap_device.ts";
import { toTarget } from "../../cli/device/table_line.ts";
import { DirectFile } from "../../ffi/direct_file.ts";
import type { DeviceMapper } from "../../ffi/libdevmapper.ts";
import { BadSectors } from "../model/lower.ts";
import {
  IMAGE_SECTORS,
  MAIN_SECTORS,
  SPARE_DEVICE_SECTORS,
  SPARE_SECTORS,
  SPARE_START,
} from "./layout.ts";
import type { Mark, PlaceRow } from "./marks.ts";

const NAME = "crash";
const ENTRIES_PAGE = 256;

/** The record of lab_log, and where it goes to. */
export class Record implements Disposable {
  readonly #log = Deno.openSync("/dev/lab_log", { read: true, write: true });
  readonly #disk: Deno.FsFile;
  readonly #buffer = new Uint8Array(4 << 20);

  constructor(path: string) {
    this.#disk = Deno.openSync(path, { write: true });
  }

  mark(mark: Mark): void {
    const text = new TextEncoder().encode(JSON.stringify(mark));
    if (this.#log.writeSync(text) !== text.length) throw new Error("a mark was cut off");
  }

  /** Moves what there is to the disk. */
  drain(): void {
    for (;;) {
      const length = this.#log.readSync(this.#buffer) ?? 0;
      if (length === 0) return;
      for (let at = 0; at < length;) at += this.#disk.writeSync(this.#buffer.subarray(at, length));
    }
  }

  [Symbol.dispose](): void {
    this.drain();
    this.#disk.syncSync();
    this.#disk.close();
    this.#log.close();
  }
}

/** Whatever lies below the target. */
export class Rig implements AsyncDisposable {
  #remap: RemapDevice | undefined;
  #file: DirectFile | undefined;

  private constructor(
    readonly dm: DeviceMapper,
    readonly main: BadSectors,
    readonly spare: BadSectors,
    private readonly logs: readonly string[],
  ) {}

  /** @param image its number on the disk */
  static async create(dm: DeviceMapper, disk: string, image: number): Promise<Rig> {
    const logs: string[] = [];
    const layer = async (name: string, number: number, start: number, sectors: number) => {
      const params = `${disk} ${start} ${number}`;
      const log = `${name}-log`;
      const length = BigInt(sectors);
      await dm.createWithTable(log, [{ start: 0n, length, type: "lab_log", params }]);
      logs.push(log);
      return await BadSectors.create(dm, `${name}-bad`, `/dev/mapper/${log}`, sectors, "medium");
    };
    const start = image * IMAGE_SECTORS;
    const main = await layer("crash-main", 0, start, MAIN_SECTORS);
    const spare = await layer("crash-spare", 1, start + MAIN_SECTORS, SPARE_DEVICE_SECTORS);
    return new Rig(dm, main, spare, logs);
  }

  get target(): RemapDevice {
    if (this.#remap === undefined) throw new Error("the target is not there");
    return this.#remap;
  }

  get file(): DirectFile {
    if (this.#file === undefined) throw new Error("the target is not there");
    return this.#file;
  }

  async start(): Promise<void> {
    const target = toTarget({
      start: 0n,
      length: BigInt(MAIN_SECTORS),
      main: this.main.path,
      mainStart: 0n,
      spare: this.spare.path,
      spareStart: BigInt(SPARE_START),
      spareLength: BigInt(SPARE_SECTORS),
      features: { maxRemaps: 0n, retries: 1n, retryDelayMs: 0n },
    });
    await this.dm.createWithTable(NAME, [target]);
    this.#remap = RemapDevice.open(this.dm, NAME);
    this.#file = DirectFile.open(`/dev/mapper/${NAME}`, { write: true });
  }

  async stop(): Promise<void> {
    this.#file?.[Symbol.dispose]();
    this.#file = undefined;
    this.#remap = undefined;
    await this.dm.remove(NAME, { retry: true });
  }

  async suspendAndResume(): Promise<void> {
    await this.dm.suspend(NAME);
    await this.dm.resume(NAME);
  }

  /** The whole table, as the target lists it. */
  async table(): Promise<PlaceRow[]> {
    const rows: PlaceRow[] = [];
    for await (const place of this.target.entries({ pageSize: ENTRIES_PAGE })) {
      rows.push(row(place));
    }
    return rows;
  }

  /** Where these sectors are. */
  async places(ranges: readonly (readonly [number, number])[]): Promise<PlaceRow[]> {
    const places = await this.target.verify(
      ranges.map(([first, count]) => ({ first: BigInt(first), count: BigInt(count) })),
    );
    return places.map(row);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#remap !== undefined) await this.stop();
    await this.main[Symbol.asyncDispose]();
    await this.spare[Symbol.asyncDispose]();
    for (const log of this.logs) await this.dm.remove(log, { retry: true });
  }
}

function row(
  { sector, count, place, spareSector }: {
    readonly sector: bigint;
    readonly count: bigint;
    readonly place: PlaceRow[2];
    readonly spareSector?: bigint;
  },
): PlaceRow {
  const slot = spareSector === undefined ? -1 : Number(spareSector) - SPARE_START;
  return [Number(sector), Number(count), place, slot];
}
