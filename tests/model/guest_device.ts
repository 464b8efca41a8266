// SPDX-License-Identifier: GPL-2.0-only
//
// The real target in the running kernel, driven through the bindings.
import { parseKeyValues } from "../../cli/device/messages.ts";
import type { Place, RemapResult, UnmapResult } from "../../cli/device/messages.ts";
import { RemapDevice } from "../../cli/device/remap_device.ts";
import type { RemapStatus } from "../../cli/device/status_line.ts";
import { type RemapTable, toTarget } from "../../cli/device/table_line.ts";
import { hasSlot } from "../../cli/metadata/extent.ts";
import { MemoryImage } from "../../cli/metadata/image.ts";
import { loadMetadata } from "../../cli/metadata/load.ts";
import { DirectFile } from "../../ffi/direct_file.ts";
import type { DeviceMapper } from "../../ffi/libdevmapper.ts";
import type { OfflineView, Outcome, TestDevice } from "./device.ts";
import type { Death, FaultKind, Passing } from "./faults.ts";
import type { LowerDevice } from "../suite/guest/lower.ts";
import type { Range } from "../suite/guest/range.ts";
import type { Side } from "./operations.ts";
import { SECTOR_BYTES, spareStamps, stamps } from "./stamps.ts";
import type { LowerDevices, Variant } from "./variants.ts";

const NAME = "model";
const CHUNK_SECTORS = 2048;

/** The errno's name of an error or of what caused it. */
function codeOf(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ("code" in at && typeof at.code === "string" && /^E[A-Z0-9]+$/.test(at.code)) return at.code;
  }
  return undefined;
}

/** Turns a failure with an errno into an outcome; any other is the test's own. */
export async function outcomeOf<T>(promise: Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await promise };
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined) throw error;
    return { ok: false, code };
  }
}

function bytes(sectors: number): bigint {
  return BigInt(sectors * SECTOR_BYTES);
}

function ranges(list: readonly Range[]): { first: bigint; count: bigint }[] {
  return list.map(({ first, count }) => ({ first: BigInt(first), count: BigInt(count) }));
}

export class GuestDevice implements TestDevice {
  readonly #main: DirectFile;
  #spare: DirectFile;
  #spareDevice: LowerDevice;
  #other: LowerDevice | undefined;
  #seed = 0;
  #file: DirectFile | undefined;
  #remap: RemapDevice | undefined;

  private constructor(
    private readonly dm: DeviceMapper,
    private readonly variant: Variant,
    private readonly lower: LowerDevices,
  ) {
    this.#spareDevice = lower.spare;
    this.#other = lower.other;
    this.#main = DirectFile.open(lower.main.path, { write: true });
    this.#spare = DirectFile.open(lower.spare.path, { write: true });
  }

  static async create(dm: DeviceMapper, variant: Variant): Promise<GuestDevice> {
    return new GuestDevice(dm, variant, await variant.build(dm));
  }

  get #open(): DirectFile {
    if (this.#file === undefined) throw new Error("the device is not there");
    return this.#file;
  }

  get #target(): RemapDevice {
    if (this.#remap === undefined) throw new Error("the device is not there");
    return this.#remap;
  }

  #table(): RemapTable {
    const { geometry, mainStart, features } = this.variant;
    const { spareRange, spareStart, slots } = geometry;
    const spare = spareRange ?? { first: spareStart, count: slots };
    return {
      start: 0n,
      length: BigInt(geometry.sectors),
      main: this.lower.main.path,
      mainStart: BigInt(mainStart),
      spare: this.#spareDevice.path,
      spareStart: BigInt(spare.first),
      spareLength: BigInt(spare.count),
      features: {
        volatile: spareRange === undefined,
        maxRemaps: BigInt(geometry.maxRemaps),
        ...features,
      },
    };
  }

  async prepare(seed: number): Promise<void> {
    const { geometry, mainStart } = this.variant;
    this.#seed = seed;
    await this.#remove();
    for (const side of ["main", "spare"] as const) {
      await this.setDead(side, undefined);
      await this.heal(side);
    }
    for (let first = 0; first < geometry.sectors; first += CHUNK_SECTORS) {
      const count = Math.min(CHUNK_SECTORS, geometry.sectors - first);
      await this.#main.write(bytes(mainStart + first), stamps(seed, first, count, 0));
    }
    await this.#wipe(this.#spare);
    await this.#create();
  }

  /** A new spare: zeroes for metadata, and something in the slots that nobody may ever see. */
  async #wipe(spare: DirectFile): Promise<void> {
    const { spareRange, spareStart, slots } = this.variant.geometry;
    if (spareRange !== undefined) {
      const metadata = (spareStart - spareRange.first) * SECTOR_BYTES;
      await spare.write(bytes(spareRange.first), new Uint8Array(metadata));
    }
    await spare.write(bytes(spareStart), spareStamps(this.#seed, spareStart, slots));
  }

  async migrate(): Promise<Outcome<void>> {
    const other = this.#other;
    if (other === undefined) throw new Error("there is one spare only");
    await other.heal({ first: 0, count: other.sectors });
    const file = DirectFile.open(other.path, { write: true });
    try {
      await this.#wipe(file);
      const { first, count } = this.variant.geometry.spareRange!;
      const begun = await this.message(`migrate ${other.path} ${first} ${count}`);
      const state = begun.ok ? await this.#migrated() : begun.code;
      if (state !== "done") {
        file[Symbol.dispose]();
        return { ok: false, code: state };
      }
    } catch (error) {
      file[Symbol.dispose]();
      throw error;
    }
    this.#spare[Symbol.dispose]();
    this.#spare = file;
    [this.#spareDevice, this.#other] = [other, this.#spareDevice];
    // Only then the old one can be used for anything else.
    await this.suspend();
    await this.resume();
    return { ok: true, value: undefined };
  }

  /** How a migration has ended. */
  async #migrated(): Promise<string> {
    for (;;) {
      const fields = parseKeyValues(await this.#target.send("migrate status"));
      const state = fields.get("migrate") ?? "";
      if (state === "failed") return `failed: ${fields.get("reason")}`;
      if (state !== "running") return state;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  async recreate(): Promise<void> {
    await this.#remove();
    await this.#create();
  }

  async #create(): Promise<void> {
    await this.dm.createWithTable(NAME, [toTarget(this.#table())]);
    this.#remap = RemapDevice.open(this.dm, NAME);
    this.#file = DirectFile.open(`/dev/mapper/${NAME}`, { write: true });
  }

  async #remove(): Promise<void> {
    this.#file?.[Symbol.dispose]();
    this.#file = undefined;
    this.#remap = undefined;
    const info = this.dm.info(NAME);
    if (info === undefined) return;
    if (info.suspended) await this.dm.resume(NAME);
    await this.dm.remove(NAME, { retry: true });
  }

  read({ first, count }: Range): Promise<Outcome<Uint8Array>> {
    return outcomeOf(this.#open.read(bytes(first), count * SECTOR_BYTES));
  }

  write({ first }: Range, data: Uint8Array, fua: boolean): Promise<Outcome<void>> {
    return outcomeOf(this.#open.write(bytes(first), data, { dsync: fua }));
  }

  flush(): Promise<Outcome<void>> {
    return outcomeOf(this.#open.flush());
  }

  discard({ first, count }: Range): Promise<Outcome<void>> {
    return outcomeOf(this.#open.discard(bytes(first), bytes(count)));
  }

  zero({ first, count }: Range): Promise<Outcome<void>> {
    return outcomeOf(this.#open.zeroout(bytes(first), bytes(count)));
  }

  remap(list: readonly Range[]): Promise<Outcome<RemapResult>> {
    return outcomeOf(this.#target.remap(ranges(list)));
  }

  unmap(range: Range, force: boolean): Promise<Outcome<UnmapResult>> {
    return outcomeOf(this.#target.unmap(ranges([range]), { force }));
  }

  clear(force: boolean): Promise<Outcome<UnmapResult>> {
    return outcomeOf(this.#target.clear({ force }));
  }

  verify(range: Range): Promise<readonly Place[]> {
    return this.#target.verify(ranges([range]));
  }

  entries(pageSize: number): Promise<readonly Place[]> {
    return Array.fromAsync(this.#target.entries({ pageSize }));
  }

  stats(): Promise<ReadonlyMap<string, bigint | string>> {
    return this.#target.stats();
  }

  status(): RemapStatus {
    return this.#target.status();
  }

  message(text: string): Promise<Outcome<string>> {
    return outcomeOf(this.#target.send(text));
  }

  #lower(side: Side): LowerDevice {
    return side === "main" ? this.lower.main : this.#spareDevice;
  }

  /** A range of the target on main, or of the spare device, on the device below. */
  #below(side: Side, { first, count }: Range): [LowerDevice, Range] {
    const offset = side === "main" ? this.variant.mainStart : 0;
    return [this.#lower(side), { first: first + offset, count }];
  }

  async addFault(side: Side, kind: FaultKind, range: Range): Promise<void> {
    const [device, where] = this.#below(side, range);
    await device.addFault(kind, where);
  }

  async heal(side: Side): Promise<void> {
    const { sectors, spareStart, slots } = this.variant.geometry;
    const all = side === "main"
      ? { first: 0, count: sectors }
      : { first: spareStart, count: slots };
    const [device, where] = this.#below(side, all);
    await device.heal(where);
  }

  setDead(side: Side, how: Death | undefined): Promise<void> {
    return this.#lower(side).setDead(how);
  }

  async passing(side: Side): Promise<Passing> {
    const { weak, flaky } = await this.#lower(side).passing();
    const offset = side === "main" ? this.variant.mainStart : 0;
    const shifted = (set: ReadonlySet<number>) => new Set([...set].map((s) => s - offset));
    return { weak: shifted(weak), flaky: shifted(flaky) };
  }

  async scan({ first, count }: Range): Promise<Outcome<void>> {
    const started = await this.message(`scan ${first} ${first + count - 1}`);
    if (!started.ok) return started;
    for (;;) {
      const fields = parseKeyValues(await this.#target.send("scan status"));
      const state = fields.get("scan");
      if (state === "done") return { ok: true, value: undefined };
      if (state !== "running") return { ok: false, code: `scan=${state}` };
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  suspend(): Promise<void> {
    return this.dm.suspend(NAME);
  }

  resume(): Promise<void> {
    return this.dm.resume(NAME);
  }

  async reload(): Promise<void> {
    await this.dm.reload(NAME, [toTarget(this.#table())]);
    await this.dm.suspend(NAME);
    await this.dm.resume(NAME);
  }

  async offline(): Promise<OfflineView> {
    const { spareRange, spareStart } = this.variant.geometry;
    if (spareRange === undefined) throw new Error("a volatile table has no metadata");
    const { first, count } = spareRange;
    // Past the caches, and without the slots: some of those cannot be read.
    const area = await this.#spare.read(bytes(first), (spareStart - first) * SECTOR_BYTES);
    const image = new MemoryImage(count * SECTOR_BYTES);
    image.write(0, area);
    const { generation, journalUsed, superblock, extents } = loadMetadata(image);
    return {
      generation,
      journalUsed,
      extents: [...extents()].map((extent) =>
        hasSlot(extent.state) ? { ...extent, slot: extent.slot + first } : extent
      ),
      counts: superblock,
    };
  }

  readMain({ first, count }: Range): Promise<Outcome<Uint8Array>> {
    const at = bytes(first + this.variant.mainStart);
    return outcomeOf(this.#main.read(at, count * SECTOR_BYTES));
  }

  readSpare({ first, count }: Range): Promise<Outcome<Uint8Array>> {
    return outcomeOf(this.#spare.read(bytes(first), count * SECTOR_BYTES));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#remove();
    this.#main[Symbol.dispose]();
    this.#spare[Symbol.dispose]();
    await this.lower.main[Symbol.asyncDispose]();
    await this.lower.other?.[Symbol.asyncDispose]();
    if (this.lower.spare !== this.lower.main) await this.lower.spare[Symbol.asyncDispose]();
  }
}
