// SPDX-License-Identifier: GPL-2.0-only
//
// The kinds of devices that sequences run on.
import type { DeviceMapper } from "../../ffi/libdevmapper.ts";
import { type LowerDevice, NullBlock, SwappedTable } from "./lower.ts";
import type { Geometry } from "./model.ts";
import { run } from "./process.ts";

export interface Variant {
  readonly name: string;
  readonly geometry: Geometry;
  readonly mainStart: number;
  /** Feature arguments beyond `volatile` and `max_remaps`. */
  readonly features: { readonly retries: bigint; readonly retryDelayMs: bigint };
  /** The devices below; the same one twice if main is to be its own spare. */
  readonly build: (dm: DeviceMapper) => Promise<{ main: LowerDevice; spare: LowerDevice }>;
}

const AT_ONCE = { retries: 1n, retryDelayMs: 0n };
const RAM_MIB = 8;
/** The disks that the guest is given. */
export const DISK_SECTORS = { main: 8192, spare: 2048 } as const;

async function nullBlocks(mainBlock: number, spareBlock: number) {
  const main = await NullBlock.create("modelmain", 8, mainBlock);
  return { main, spare: await NullBlock.create("modelspare", 1, spareBlock) };
}

async function sameNullBlock() {
  const main = await NullBlock.create("modelboth", 8, 512);
  return { main, spare: main };
}

async function ramDisks(dm: DeviceMapper) {
  await run("modprobe", "brd", "rd_nr=2", `rd_size=${RAM_MIB * 1024}`);
  const main = await SwappedTable.create(dm, "modelmain", "/dev/ram0", 8192);
  return { main, spare: await SwappedTable.create(dm, "modelspare", "/dev/ram1", 1024) };
}

/** Disks of the machine: they take discards and writes of zeros as requests of their own. */
async function disks(dm: DeviceMapper) {
  const main = await SwappedTable.create(dm, "modelmain", "/dev/lab/main", DISK_SECTORS.main);
  const spare = await SwappedTable.create(dm, "modelspare", "/dev/lab/spare", DISK_SECTORS.spare);
  return { main, spare };
}

export const VARIANTS: readonly Variant[] = [
  {
    name: "plain",
    geometry: { sectors: 8192, unit: 1, spareStart: 0, slots: 512, maxRemaps: 0 },
    mainStart: 0,
    features: AT_ONCE,
    build: () => nullBlocks(512, 512),
  },
  {
    // Nothing is aligned to anything, and bad sectors come and go by table swaps.
    name: "odd",
    geometry: { sectors: 6001, unit: 1, spareStart: 77, slots: 333, maxRemaps: 0 },
    mainStart: 1023,
    features: { retries: 2n, retryDelayMs: 1n },
    build: ramDisks,
  },
  {
    name: "blocks-4096",
    geometry: { sectors: 8192, unit: 8, spareStart: 64, slots: 1024, maxRemaps: 800 },
    mainStart: 128,
    features: AT_ONCE,
    build: () => nullBlocks(4096, 4096),
  },
  {
    // The spare's logical block is smaller than main's.
    name: "blocks-mixed",
    geometry: { sectors: 4096, unit: 8, spareStart: 24, slots: 256, maxRemaps: 0 },
    mainStart: 8,
    features: AT_ONCE,
    build: () => nullBlocks(4096, 512),
  },
  {
    name: "tail",
    geometry: { sectors: 4096, unit: 1, spareStart: 4096, slots: 301, maxRemaps: 0 },
    mainStart: 0,
    features: AT_ONCE,
    build: sameNullBlock,
  },
  {
    name: "disks",
    geometry: { sectors: 5001, unit: 1, spareStart: 32, slots: 400, maxRemaps: 0 },
    mainStart: 2048,
    features: AT_ONCE,
    build: disks,
  },
  {
    name: "head",
    geometry: { sectors: 4000, unit: 1, spareStart: 3, slots: 600, maxRemaps: 400 },
    mainStart: 603,
    features: AT_ONCE,
    build: sameNullBlock,
  },
];
