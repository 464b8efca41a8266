// SPDX-License-Identifier: GPL-2.0-only
//
// In the guest: a disk's part, recorded, with bad sectors above the record, and the target on top.
// What fails never reaches the record, and so never the medium.
import type { Place } from "../../cli/device/messages.ts";
import { RemapDevice } from "../../cli/device/remap_device.ts";
import { toTarget } from "../../cli/device/table_line.ts";
import { DirectFile } from "../../ffi/direct_file.ts";
import type { DeviceMapper } from "../../ffi/libdevmapper.ts";
import type { Random } from "../../cli/selftest/random.ts";
import { codeOf } from "../../cli/selftest/check.ts";
import { BadSectors } from "../suite/guest/lower.ts";
import { SECTOR_BYTES, wordsOf } from "../model/stamps.ts";
import { MemoryImage } from "../../cli/metadata/image.ts";
import { IMAGE_SECTORS, LAYOUTS, MAIN_SECTORS, SPARE_DEVICE_SECTORS, SPARES } from "./layout.ts";
import { GONE, type Mark, type PlaceRow } from "./marks.ts";
import { formatRecording } from "./recording.ts";
import { choose, type Spare } from "./spares.ts";
import { stampAt } from "./stamp_at.ts";

const NAME = "crash";
const ENTRIES_PAGE = 256;
const READ_SECTORS = 64;
/** Slots that a migration writes in any case, if it writes many. */
const LONGEST_RUN = 64;

/** Where the marks go. */
export interface Record {
  mark(mark: Mark): void;
  /** Moves what has piled up to where it stays. */
  drain(): void;
}

/** The record of lab_log, and the disk that it goes to. */
export class WriteRecord implements Record, Disposable {
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

/** Marks alone. Each is on the disk, out of the guest's reach, before the guest goes on. */
export class MarkRecord implements Record, Disposable {
  readonly #disk: Deno.FsFile;

  constructor(path: string) {
    this.#disk = Deno.openSync(path, { write: true });
  }

  mark(mark: Mark): void {
    const bytes = formatRecording([{ kind: "mark", mark }]);
    for (let at = 0; at < bytes.length;) at += this.#disk.writeSync(bytes.subarray(at));
    this.#disk.syncDataSync();
  }

  drain(): void {}

  [Symbol.dispose](): void {
    this.#disk.close();
  }
}

/** The devices below the target, and the target. */
export class Rig implements AsyncDisposable {
  #remap: RemapDevice | undefined;
  #file: DirectFile | undefined;
  /** The spare that counts. */
  current: Spare = 0;

  private constructor(
    readonly dm: DeviceMapper,
    readonly main: BadSectors,
    private readonly spares: readonly [BadSectors, BadSectors],
    private readonly logs: readonly string[],
  ) {}

  /**
   * @param image its number on the disk
   * @param recorder what is below the faults: `lab_log` records, `linear` does not
   */
  static async create(
    dm: DeviceMapper,
    disk: string,
    image: number,
    recorder: "lab_log" | "linear",
  ): Promise<Rig> {
    const logs: string[] = [];
    const layer = async (name: string, number: number, start: number, sectors: number) => {
      const params = `${disk} ${start}${recorder === "linear" ? "" : ` ${number}`}`;
      const log = `${name}-log`;
      const length = BigInt(sectors);
      await dm.createWithTable(log, [{ start: 0n, length, type: recorder, params }]);
      logs.push(log);
      return await BadSectors.create(dm, `${name}-bad`, `/dev/mapper/${log}`, sectors, "medium");
    };
    const start = image * IMAGE_SECTORS;
    const main = await layer("crash-main", 0, start, MAIN_SECTORS);
    const first = start + MAIN_SECTORS;
    const spare = await layer("crash-spare", 1, first, SPARE_DEVICE_SECTORS[0]);
    const second = first + SPARE_DEVICE_SECTORS[0];
    const other = await layer("crash-other", 2, second, SPARE_DEVICE_SECTORS[1]);
    const rig = new Rig(dm, main, [spare, other], logs);
    rig.current = choose([await rig.#image(0), await rig.#image(1)]) ?? 0;
    return rig;
  }

  async #image(spare: Spare): Promise<MemoryImage> {
    using file = DirectFile.open(this.spares[spare].path);
    const { start, sectors } = SPARES[spare];
    return new MemoryImage(await file.read(BigInt(start * SECTOR_BYTES), sectors * SECTOR_BYTES));
  }

  get spare(): BadSectors {
    return this.spares[this.current];
  }

  get #next(): Spare {
    return this.current === 0 ? 1 : 0;
  }

  /** Where a migration would go, in the words of its message. */
  get migrateMessage(): string {
    const { start, sectors } = SPARES[this.#next];
    return `migrate ${this.spares[this.#next].path} ${start} ${sectors}`;
  }

  /** Makes the other spare what a migration wants: no bad sectors, zeroes for metadata. */
  async wipeOther(): Promise<void> {
    const { start, sectors } = SPARES[this.#next];
    const device = this.spares[this.#next];
    await device.heal({ first: 0, count: start + sectors });
    using file = DirectFile.open(device.path, { write: true });
    const zeroes = new Uint8Array(LAYOUTS[this.#next].slotsStart * SECTOR_BYTES);
    await file.write(BigInt(start * SECTOR_BYTES), zeroes);
    await file.flush();
  }

  /** A slot of the other spare refuses writes. */
  async breakOther(random: Random): Promise<void> {
    const { slotsStart } = LAYOUTS[this.#next];
    const first = SPARES[this.#next].start + slotsStart + random.below(LONGEST_RUN);
    await this.spares[this.#next].addFault("write", { first, count: 1 });
  }

  /** A migration has come to its end. */
  migrated(): void {
    this.current = this.#next;
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
      spareStart: BigInt(SPARES[this.current].start),
      spareLength: BigInt(SPARES[this.current].sectors),
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
      rows.push(this.#row(place));
    }
    return rows;
  }

  /** The number of each sector's stamp; GONE for what cannot be read, OTHER for what is no stamp. */
  async contents(seed: number): Promise<number[]> {
    const found: number[] = [];
    for (let first = 0; first < MAIN_SECTORS; first += READ_SECTORS) {
      const whole = await this.#stamps(seed, first, READ_SECTORS);
      if (whole !== undefined) found.push(...whole);
      else {
        for (let sector = first; sector < first + READ_SECTORS; sector++) {
          found.push((await this.#stamps(seed, sector, 1))?.[0] ?? GONE);
        }
      }
    }
    return found;
  }

  async #stamps(seed: number, first: number, count: number): Promise<number[] | undefined> {
    try {
      const bytes = await this.file.read(BigInt(first * SECTOR_BYTES), count * SECTOR_BYTES);
      const words = wordsOf(bytes);
      return Array.from({ length: count }, (_, at) => stampAt(words, at, seed, first + at));
    } catch (error) {
      if (codeOf(error) === "EIO") return undefined;
      throw error;
    }
  }

  #row({ sector, count, place, spareSector }: Place): PlaceRow {
    const { start } = SPARES[this.current];
    const slot = spareSector === undefined ? -1 : Number(spareSector) - start;
    return [Number(sector), Number(count), place, slot];
  }

  /** Where these sectors are. */
  async places(ranges: readonly (readonly [number, number])[]): Promise<PlaceRow[]> {
    const places = await this.target.verify(
      ranges.map(([first, count]) => ({ first: BigInt(first), count: BigInt(count) })),
    );
    return places.map((place) => this.#row(place));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#remap !== undefined) await this.stop();
    await this.main[Symbol.asyncDispose]();
    for (const spare of this.spares) await spare[Symbol.asyncDispose]();
    for (const log of this.logs) await this.dm.remove(log, { retry: true });
  }
}
