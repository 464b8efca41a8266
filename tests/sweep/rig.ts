// SPDX-License-Identifier: GPL-2.0-only
//
// The stack under test: memory, devices whose Nth request fails, and the target on top.
import { RemapDevice } from "../../cli/device/remap_device.ts";
import { type RemapFeatures, type RemapTable, toTarget } from "../../cli/device/table_line.ts";
import { BLOCK_SECTORS, BLOCK_SIZE } from "../../cli/metadata/format.ts";
import { MemoryImage } from "../../cli/metadata/image.ts";
import { layoutOf } from "../../cli/metadata/layout.ts";
import { loadMetadata, type Metadata } from "../../cli/metadata/load.ts";
import { decodeSuperblock } from "../../cli/metadata/superblock.ts";
import { DirectFile } from "../../ffi/direct_file.ts";
import type { DeviceMapper, TargetSpec } from "../../ffi/libdevmapper.ts";
import { choose } from "../crash/spares.ts";
import type { Range } from "../suite/guest/range.ts";
import { SECTOR_BYTES, spareStamps, stamps } from "../model/stamps.ts";
import { FaultyPair, type Side } from "./faults.ts";
import { milliseconds, within } from "./time.ts";

/** Sectors. Nothing starts at 0, so that a forgotten start is seen. */
export const SECTORS = 256;
/** In turn: a table of another layout starts with nothing relocated. */
const MAIN_STARTS = [16, 24] as const;
const SPARE_START = 8;
export const SLOTS = 160;
/** The range of a table that lasts: metadata, then as many slots. */
const LASTING_SECTORS = lastingSectors();
const LASTING_LAYOUT = layoutOf(LASTING_SECTORS, 1);
const MAIN_SECTORS = 24 + SECTORS;
/** Another range of the same disk, to migrate to and from. */
const OTHER_START = SPARE_START + LASTING_SECTORS + 8;
const SPARE_SECTORS = OTHER_START + LASTING_SECTORS;
export const EVERYTHING: Range = { first: 0, count: SECTORS };

const METADATA_BYTES = LASTING_LAYOUT.slotsStart * SECTOR_BYTES;

/** A second try for everything, at once. */
const FEATURES: RemapFeatures = {
  maxRemaps: 0n,
  retries: 2n,
  retryDelayMs: 0n,
};

function lastingSectors(): number {
  let sectors = SLOTS;
  while (layoutOf(sectors, 1).slots < SLOTS) sectors++;
  return sectors;
}

export function bytes(sectors: number): bigint {
  return BigInt(sectors * SECTOR_BYTES);
}

export class Rig implements AsyncDisposable {
  readonly name: string;
  #features: RemapFeatures = FEATURES;
  #mainStart: number = MAIN_STARTS[0];
  #lasts = false;
  /** Where the spare range is that counts. */
  #spareStart = SPARE_START;
  /** The device may be there without its target. */
  #isThere = false;
  #file: DirectFile | undefined;
  #target: RemapDevice | undefined;

  private constructor(
    readonly dm: DeviceMapper,
    readonly pair: FaultyPair,
    group: number,
    private readonly lower: Readonly<Record<Side, DirectFile>>,
  ) {
    this.name = `sweep${group}`;
  }

  /** @param group 0, 1, 2...: each has two RAM disks of its own */
  static async create(dm: DeviceMapper, group: number): Promise<Rig> {
    const pair = await FaultyPair.create(dm, group, {
      main: { path: `/dev/ram${2 * group}`, sectors: MAIN_SECTORS },
      spare: { path: `/dev/ram${2 * group + 1}`, sectors: SPARE_SECTORS },
    });
    return new Rig(dm, pair, group, {
      main: DirectFile.open(pair.path("main"), { write: true }),
      spare: DirectFile.open(pair.path("spare"), { write: true }),
    });
  }

  get file(): DirectFile {
    if (this.#file === undefined) throw new Error("the device is not there");
    return this.#file;
  }

  get target(): RemapDevice {
    if (this.#target === undefined) throw new Error("the device is not there");
    return this.#target;
  }

  /** Main's first sector of the target. */
  get mainStart(): number {
    return this.#mainStart;
  }

  /** The table is on the spare, too. */
  get lasts(): boolean {
    return this.#lasts;
  }

  /** The first slot, as a sector of the spare. */
  get slotsStart(): number {
    return this.#spareStart + (this.#lasts ? LASTING_LAYOUT.slotsStart : 0);
  }

  /** Where a block of the metadata is, as a range of the spare; the journal's ring counts apart. */
  metadataBlock(index: number, part: "journal" | "superblock" = "superblock"): Range {
    const block = part === "journal" ? LASTING_LAYOUT.journalStart + index : index;
    return { first: this.#spareStart + block * BLOCK_SECTORS, count: BLOCK_SECTORS };
  }

  isMetadata(sector: number): boolean {
    return this.#lasts && sector >= this.#spareStart && sector < this.slotsStart;
  }

  /** All as new: first stamps everywhere, healthy devices, nothing relocated. */
  async fresh(seed: number, features: RemapFeatures = {}, lasts = false): Promise<void> {
    this.pair.heal();
    // A table that lasts would be there again.
    if (lasts || this.#lasts) await this.takeAway();
    this.#lasts = lasts;
    this.#spareStart = SPARE_START;
    const [one, other] = MAIN_STARTS;
    this.#mainStart = this.#mainStart === one ? other : one;
    this.#features = { ...FEATURES, ...features };
    await this.lower.main.write(bytes(this.#mainStart), stamps(seed, 0, SECTORS, 0));
    await this.lower.spare.write(0n, spareStamps(seed, 0, SPARE_SECTORS));
    this.pair.heal();
    if (lasts) await this.#writeMetadata(new Uint8Array(METADATA_BYTES));
    // Much faster than a new device, and as new: no target takes over from another layout.
    if (this.#isThere) await this.#target?.clear({ force: true });
    await this.putBack();
  }

  /** The target goes, but not the device and who has opened it: that takes much longer. */
  async takeAway(): Promise<void> {
    if (!this.#isThere) return;
    this.#isThere = false;
    await this.#swap({ start: 0n, length: BigInt(SECTORS), type: "error", params: "" });
  }

  /** A new target, which knows nothing of the last one but what is on the devices. */
  async putBack(): Promise<void> {
    if (this.#target !== undefined) await this.#swap(toTarget(this.#table()));
    else {
      await this.dm.createWithTable(this.name, [toTarget(this.#table())]);
      this.#target = RemapDevice.open(this.dm, this.name);
      this.#file = DirectFile.open(`/dev/mapper/${this.name}`, { write: true });
    }
    this.#isThere = true;
  }

  async #swap(table: TargetSpec): Promise<void> {
    await this.dm.reload(this.name, [table]);
    await this.dm.suspend(this.name, { skipLockfs: true });
    await this.resume();
  }

  async #readMetadata(start = this.#spareStart): Promise<Uint8Array> {
    return await this.lower.spare.read(bytes(start), METADATA_BYTES);
  }

  async #writeMetadata(data: Uint8Array, start = this.#spareStart): Promise<void> {
    await this.lower.spare.write(bytes(start), data);
    await this.lower.spare.flush();
  }

  get #otherStart(): number {
    return this.#spareStart === SPARE_START ? OTHER_START : SPARE_START;
  }

  /** Of the range that does not count. */
  isMetadataOfOther(sector: number): boolean {
    const first = this.#otherStart;
    return sector >= first && sector < first + LASTING_LAYOUT.slotsStart;
  }

  /** The range that a migration goes to, as one wants it. */
  wipeOther(): Promise<void> {
    return this.#writeMetadata(new Uint8Array(METADATA_BYTES), this.#otherStart);
  }

  get migrateMessage(): string {
    return `migrate ${this.pair.path("spare")} ${this.#otherStart} ${LASTING_SECTORS}`;
  }

  /** Waits for the end of a migration: `done`, or what the target says of it. */
  async migrationEnd(): Promise<string> {
    for (;;) {
      const reply = await within(this.target.send("migrate status"), "migrate status");
      const [state = ""] = /(?<=^migrate=)\w+/.exec(reply) ?? [];
      if (state !== "running") return state === "failed" ? reply : state;
      await milliseconds(1);
    }
  }

  /** A migration has come to its end. */
  migrated(): void {
    this.#spareStart = this.#otherStart;
  }

  /** By what the two ranges say of themselves, this one counts. */
  async countsAsSpare(): Promise<boolean> {
    const images = [SPARE_START, OTHER_START].map(async (start) => {
      const image = new MemoryImage(LASTING_SECTORS * SECTOR_BYTES);
      image.write(0, await this.#readMetadata(start));
      return image;
    });
    const chosen = choose(await Promise.all(images) as [MemoryImage, MemoryImage]);
    return chosen === (this.#spareStart === SPARE_START ? 0 : 1);
  }

  /** What the spare says by itself. */
  async metadata(): Promise<Metadata> {
    const image = new MemoryImage(LASTING_SECTORS * SECTOR_BYTES);
    image.write(0, await this.#readMetadata());
    return loadMetadata(image);
  }

  /** Sectors of the spare that hold the checkpoint slot that no superblock calls current. */
  async staleCheckpoint(): Promise<Range> {
    const area = await this.#readMetadata();
    const supers = [0, 1].flatMap((copy) => {
      const block = decodeSuperblock(area.subarray(copy * BLOCK_SIZE, (copy + 1) * BLOCK_SIZE));
      return block.kind === "sound" ? [block.superblock] : [];
    });
    const [newest] = supers.toSorted((a, b) => b.sequence - a.sequence);
    const start = LASTING_LAYOUT.checkpointStart[newest?.checkpoint === 1 ? 0 : 1];
    const count = LASTING_LAYOUT.checkpointBlocks * BLOCK_SECTORS;
    return { first: this.#spareStart + start * BLOCK_SECTORS, count };
  }

  /** The device goes, and so does its table: nothing was ever relocated. */
  async wipe(): Promise<void> {
    await this.takeAway();
    await this.#writeMetadata(new Uint8Array(METADATA_BYTES));
  }

  /** The device goes without a good-bye: its journal stays as it is. All that was written lasts. */
  async crash(): Promise<void> {
    const metadata = await this.#readMetadata();
    await this.takeAway();
    await this.#writeMetadata(metadata);
    await this.lower.main.flush();
  }

  #table(): RemapTable {
    return {
      start: 0n,
      length: BigInt(SECTORS),
      main: this.pair.path("main"),
      mainStart: BigInt(this.#mainStart),
      spare: this.pair.path("spare"),
      spareStart: BigInt(this.#spareStart),
      spareLength: BigInt(this.#lasts ? LASTING_SECTORS : SLOTS),
      features: { ...this.#features, volatile: !this.#lasts },
    };
  }

  suspend(): Promise<void> {
    return this.dm.suspend(this.name);
  }

  resume(): Promise<void> {
    return this.dm.resume(this.name);
  }

  /** Loads the same table again; it starts with the next resume. */
  load(): Promise<void> {
    return this.dm.reload(this.name, [toTarget(this.#table())]);
  }

  /** Past the target. */
  readMain({ first, count }: Range): Promise<Uint8Array> {
    return this.lower.main.read(bytes(this.#mainStart + first), count * SECTOR_BYTES);
  }

  /** After a failure: the next {@linkcode fresh} makes a new device. */
  async discard(): Promise<void> {
    this.pair.heal();
    // A target that does not start goes as well.
    if (this.dm.info(this.name)?.suspended === true) await this.resume().catch(() => {});
    await this.#remove();
  }

  async #remove(): Promise<void> {
    this.#isThere = false;
    this.#file?.[Symbol.dispose]();
    this.#file = undefined;
    this.#target = undefined;
    if (this.dm.info(this.name) === undefined) return;
    await this.dm.remove(this.name, { retry: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#remove();
    this.lower.main[Symbol.dispose]();
    this.lower.spare[Symbol.dispose]();
    await this.pair[Symbol.asyncDispose]();
  }
}
