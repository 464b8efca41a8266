// SPDX-License-Identifier: GPL-2.0-only
//
// A remap device with its metadata on the spare, for somebody who knows nothing of either.
import { RemapDevice } from "../../../cli/device/remap_device.ts";
import { toTarget } from "../../../cli/device/table_line.ts";
import { hasSlot, shownAs } from "../../../cli/metadata/extent.ts";
import { checkMetadata } from "../../../cli/metadata/check.ts";
import { openImage } from "../../../cli/metadata/image.ts";
import { loadMetadata } from "../../../cli/metadata/load.ts";
import { check, checkEqual } from "../../../cli/selftest/check.ts";
import type { DeviceMapper } from "../../../ffi/libdevmapper.ts";

export interface RemappedOptions {
  readonly name: string;
  readonly main: string;
  readonly mainStart?: number;
  readonly sectors: number;
  readonly spare: string;
  readonly spareSectors: number;
}

export interface Counters {
  readonly remapped: number;
  readonly pending: number;
  readonly lost: number;
  readonly autoRemaps: number;
  readonly spareUsed: number;
  readonly spareBad: number;
  readonly transportErrors: number;
}

/** Where a sector is, as the tool says it: `remapped 4711`, `pending`. */
type Spots = ReadonlyMap<number, string>;

export class Remapped implements AsyncDisposable {
  #device: RemapDevice;

  private constructor(
    readonly dm: DeviceMapper,
    readonly options: RemappedOptions,
    device: RemapDevice,
  ) {
    this.#device = device;
  }

  static async create(dm: DeviceMapper, options: RemappedOptions): Promise<Remapped> {
    return new Remapped(dm, options, await Remapped.#start(dm, options));
  }

  static async #start(dm: DeviceMapper, options: RemappedOptions): Promise<RemapDevice> {
    const target = toTarget({
      start: 0n,
      length: BigInt(options.sectors),
      main: options.main,
      mainStart: BigInt(options.mainStart ?? 0),
      spare: options.spare,
      spareStart: 0n,
      spareLength: BigInt(options.spareSectors),
      features: { maxRemaps: 0n, retries: 1n, retryDelayMs: 1n },
    });
    await dm.createWithTable(options.name, [target]);
    return RemapDevice.open(dm, options.name);
  }

  get path(): string {
    return `/dev/mapper/${this.options.name}`;
  }

  get device(): RemapDevice {
    return this.#device;
  }

  counters(): Counters {
    const status = this.#device.status();
    return {
      remapped: Number(status.remapped),
      pending: Number(status.pending ?? 0n),
      lost: Number(status.lost),
      autoRemaps: Number(status.autoRemaps),
      spareUsed: Number(status.spareUsed),
      spareBad: Number(status.spareBad ?? 0n),
      transportErrors: Number(status.transportErrors ?? 0n),
    };
  }

  /** The slots add up, and nothing that the medium did was taken for something else. */
  checkSums(): void {
    const now = this.counters();
    checkEqual("slots in use or bad", now.spareUsed, now.remapped + now.spareBad);
    checkEqual("errors of transport", now.transportErrors, 0);
    checkEqual("bad slots of a healthy spare", now.spareBad, 0);
    checkEqual("lost sectors, but for pending ones", now.lost, now.pending);
  }

  /** So many sectors, at least, have been relocated by the target itself. */
  checkRelocations(atLeast: number): void {
    const { autoRemaps } = this.counters();
    check("automatic relocations", autoRemaps >= atLeast, {
      expected: `${atLeast} at least`,
      seen: autoRemaps,
    });
    this.checkSums();
  }

  async #live(): Promise<Spots> {
    const spots = new Map<number, string>();
    for await (const { sector, count, place, spareSector } of this.#device.entries()) {
      for (let i = 0; i < Number(count); i++) {
        const slot = spareSector === undefined ? "" : ` ${Number(spareSector) + i}`;
        spots.set(Number(sector) + i, `${place}${slot}`);
      }
    }
    return spots;
  }

  #offline(): Spots {
    using image = openImage(this.options.spare);
    checkEqual("problems of the metadata", checkMetadata(image).problems, []);
    const spots = new Map<number, string>();
    for (const { first, length, slot, state } of loadMetadata(image).extents()) {
      for (let i = 0; i < length && state !== "bad"; i++) {
        spots.set(first + i, `${shownAs(state)}${hasSlot(state) ? ` ${slot + i}` : ""}`);
      }
    }
    return spots;
  }

  /** The first sectors of what is relocated, sector by sector. */
  async relocated(): Promise<number[]> {
    const spots = [...await this.#live()];
    return spots.filter(([, spot]) => !spot.startsWith("pending")).map(([sector]) => sector);
  }

  /** Ends the device and makes it again: in between and after it the table is what it was. */
  async again(): Promise<void> {
    const before = await this.#live();
    await this.stop();
    checkSame("offline", this.#offline(), before);
    this.#device = await Remapped.#start(this.dm, this.options);
    checkSame("after it was made again", await this.#live(), before);
    this.checkSums();
  }

  async stop(): Promise<void> {
    await this.dm.remove(this.options.name, { retry: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.dm.info(this.options.name) !== undefined) await this.stop();
  }
}

function checkSame(when: string, seen: Spots, expected: Spots): void {
  for (const sector of new Set([...expected.keys(), ...seen.keys()])) {
    checkEqual(
      `sector ${sector} ${when}`,
      seen.get(sector) ?? "main",
      expected.get(sector) ?? "main",
    );
  }
}
