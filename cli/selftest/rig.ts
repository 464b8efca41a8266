// SPDX-License-Identifier: GPL-2.0-only
// A remap device over two disks, with the content that it has to hold.
import { DirectFile } from "../../ffi/direct_file.ts";
import type { DeviceMapper, TargetSpec } from "../../ffi/libdevmapper.ts";
import { parsePlaces, type Place } from "../device/messages.ts";
import { parseStatus, type RemapStatus } from "../device/status_line.ts";
import { TARGET_TYPE } from "../device/table_line.ts";
import { checkEqual } from "./check.ts";
import { Content } from "./content.ts";
import type { LoopDisk } from "./loops.ts";
import { faultyTable, makeMapped, type MappedDevice, swapTable, target } from "./mapped.ts";
import type { Scope } from "./scope.ts";

/** A run of sectors. */
export interface Range {
  readonly first: number;
  readonly count: number;
}

export interface RigOptions {
  /** Sectors of the target; what fits on main unless given. */
  readonly length?: number;
  readonly mainStart?: number;
  readonly spareStart?: number;
  readonly spareLength?: number;
  /** Feature arguments. */
  readonly features?: readonly string[];
  /** Put a layer between that can be made to fail; `badMain` and `badSpare` say where. */
  readonly faults?: boolean;
  readonly readOnly?: boolean;
  /** Fill main before the device is made; yes, unless told otherwise. */
  readonly fill?: boolean;
  /** What main holds already; it is not filled then. */
  readonly content?: Content;
}

/** The two disks under a rig; the same one twice is a disk that is its own spare. */
export interface Disks {
  readonly main: LoopDisk;
  readonly spare: LoopDisk;
}

const VOLATILE: readonly string[] = ["volatile"];

/** The devices that can be made to fail, by their names. */
interface FaultyDevices {
  readonly main: string;
  readonly spare: string;
}

interface RigParts {
  readonly dm: DeviceMapper;
  readonly disks: Disks;
  /** The table line that the device was made with. */
  readonly table: TargetSpec;
  readonly device: MappedDevice;
  /** The remap device, the main disk and the spare disk, all O_DIRECT. */
  readonly file: DirectFile;
  readonly main: DirectFile;
  readonly spare: DirectFile;
  readonly content: Content;
  readonly mainStart: number;
  readonly faulty: FaultyDevices | undefined;
  readonly signal: AbortSignal;
}

export class Rig {
  private constructor(private readonly parts: RigParts) {}

  static async make(
    scope: Scope,
    dm: DeviceMapper,
    disks: Disks,
    options: RigOptions = {},
  ): Promise<Rig> {
    const { mainStart = 0, spareStart = 0, features = VOLATILE, readOnly = false } = options;
    const length = options.length ?? disks.main.sectors - mainStart;
    const spareLength = options.spareLength ?? disks.spare.sectors - spareStart;
    const main = scope.use(disks.main.path, DirectFile.open(disks.main.path, { write: true }));
    const spare = scope.use(disks.spare.path, DirectFile.open(disks.spare.path, { write: true }));
    const content = options.content ?? new Content(length);
    const fill = options.fill ?? options.content === undefined;
    if (fill) await content.write(main, 0, length, mainStart);

    const faulty = options.faults === true ? await makeFaulty(scope, dm, disks) : undefined;
    const table = remapTarget(
      {
        main: faulty?.main.path ?? disks.main.path,
        mainStart,
        spare: faulty?.spare.path ?? disks.spare.path,
        spareStart,
        spareLength,
        features,
      },
      length,
    );
    const device = await makeMapped(scope, dm, "remap", [table], { readOnly });
    const file = scope.use(device.path, DirectFile.open(device.path, { write: !readOnly }));
    return new Rig({
      ...{ dm, disks, table, device, file, main, spare, content, mainStart },
      faulty: faulty && { main: faulty.main.name, spare: faulty.spare.name },
      signal: scope.signal,
    });
  }

  get dm(): DeviceMapper {
    return this.parts.dm;
  }
  get disks(): Disks {
    return this.parts.disks;
  }
  get table(): TargetSpec {
    return this.parts.table;
  }
  get device(): MappedDevice {
    return this.parts.device;
  }
  /** Requests to the device that have begun and not ended. */
  inFlight(): number {
    const { dm, device } = this.parts;
    const text = Deno.readTextFileSync(`/sys/block/dm-${dm.info(device.name)?.minor}/inflight`);
    return text.trim().split(/\s+/).reduce((sum, count) => sum + Number(count), 0);
  }
  get file(): DirectFile {
    return this.parts.file;
  }
  get main(): DirectFile {
    return this.parts.main;
  }
  get spare(): DirectFile {
    return this.parts.spare;
  }
  get content(): Content {
    return this.parts.content;
  }
  get name(): string {
    return this.device.name;
  }
  get length(): number {
    return this.content.sectors;
  }

  /** Sends a message; the reply, "" if there was none. */
  async send(message: string): Promise<string> {
    this.parts.signal.throwIfAborted();
    return await this.dm.message(this.name, 0n, message) ?? "";
  }

  /** The status line behind start, length and target. */
  statusLine(): string {
    return this.dm.status(this.name)[0]?.params.trim() ?? "";
  }

  status(): RemapStatus {
    return parseStatus(this.statusLine());
  }

  async places(first = 0, count = this.length): Promise<Place[]> {
    return parsePlaces(await this.send(`verify ${first} ${count}`));
  }

  /** Relocates sectors and checks the reply. */
  async relocate(first: number, count: number, lost = 0): Promise<void> {
    const reply = await this.send(`remap ${first} ${count}`);
    checkEqual(`remap ${first} ${count}`, reply, `remapped=${count} lost=${lost}`);
  }

  async write(first: number, count: number): Promise<void> {
    this.parts.signal.throwIfAborted();
    await this.content.write(this.file, first, count);
  }

  /** Reads through the device. */
  async check(what: string, first = 0, count = this.length): Promise<void> {
    this.parts.signal.throwIfAborted();
    await this.content.check(what, this.file, first, count);
  }

  /** Reads what lies on the main disk in place of these sectors. */
  checkMain(what: string, content: Content, first = 0, count = this.length): Promise<void> {
    return content.check(`${what}, on main`, this.main, first, count, this.parts.mainStart);
  }

  /** Makes sectors fail, of the main disk, and no others. */
  async badMain(bad: readonly Range[]): Promise<void> {
    const { main } = this.disks;
    await swapTable(this.dm, this.#faulty.main, faultyTable(main.path, main.sectors, bad));
  }

  /** Makes sectors fail, of the spare disk, and no others. */
  async badSpare(bad: readonly Range[]): Promise<void> {
    const { spare } = this.disks;
    await swapTable(this.dm, this.#faulty.spare, faultyTable(spare.path, spare.sectors, bad));
  }

  /** Makes each request to main take so many milliseconds. */
  async slowMain(ms: number): Promise<void> {
    const { main } = this.disks;
    const slow = target("delay", 0, main.sectors, `${main.path} 0 ${ms}`);
    await swapTable(this.dm, this.#faulty.main, [slow]);
  }

  get #faulty(): FaultyDevices {
    const { faulty } = this.parts;
    if (faulty === undefined) throw new TypeError("this rig was made without faults");
    return faulty;
  }
}

async function makeFaulty(scope: Scope, dm: DeviceMapper, { main, spare }: Disks) {
  const make = (purpose: string, disk: LoopDisk) =>
    makeMapped(scope, dm, purpose, faultyTable(disk.path, disk.sectors, []));
  return { main: await make("main", main), spare: await make("spare", spare) };
}

/** Where the parts of a remap target lie. */
export interface RemapParts {
  readonly main: string;
  readonly mainStart?: number;
  readonly spare: string;
  readonly spareStart?: number;
  readonly spareLength: number | string;
  readonly features?: readonly string[];
}

export function remapTarget(parts: RemapParts, length: number): TargetSpec {
  const { main, mainStart = 0, spare, spareStart = 0, spareLength, features = VOLATILE } = parts;
  const words = [main, mainStart, spare, spareStart, spareLength, features.length, ...features];
  return { start: 0n, length: BigInt(length), type: TARGET_TYPE, params: words.join(" ") };
}
