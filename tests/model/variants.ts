// SPDX-License-Identifier: GPL-2.0-only
//
// The kinds of devices that sequences run on.
import type { RemapFeatures } from "../../cli/device/table_line.ts";
import { layoutOf } from "../../cli/metadata/layout.ts";
import type { DeviceMapper } from "../../ffi/libdevmapper.ts";
import { FAULT_KINDS } from "./faults.ts";
import {
  BadSectors,
  type BadStatus,
  type LowerDevice,
  NullBlock,
  SwappedTable,
} from "../suite/guest/lower.ts";
import type { Geometry, Rules } from "./model.ts";
import { run } from "../suite/guest/process.ts";

export interface Variant {
  readonly name: string;
  readonly geometry: Geometry;
  readonly mainStart: number;
  /** Feature arguments beyond `max_remaps` and, if there is no range for metadata, `volatile`. */
  readonly features: RemapFeatures;
  /** The devices below; the same one twice if main is to be its own spare. */
  readonly build: (dm: DeviceMapper) => Promise<LowerDevices>;
}

export interface LowerDevices {
  readonly main: LowerDevice;
  readonly spare: LowerDevice;
  /** To migrate to. */
  readonly other?: LowerDevice;
}

const AT_ONCE = { retries: 1n, retryDelayMs: 0n };
/** A read fails as a whole, and then a flaky block once more. */
const OFTEN = { retries: 3n, retryDelayMs: 0n };
const RAM_MIB = 8;
const SECTORS_PER_MIB = 2048;
/** The disks that the guest is given. */
export const DISK_SECTORS = { main: 8192, spare: 2048 } as const;

/** Sectors fail for reads and writes alike. */
const BOTH: Rules = { faults: ["both"], scans: true };
const BOTH_AND_DEATH: Rules = { ...BOTH, deaths: true };
/** Everything that can be wrong with a device. */
const ANY: Rules = { faults: FAULT_KINDS, deaths: true, scans: true, flushes: true };
/** The same on devices that tell a bad sector from other trouble. */
const MEDIUM: Rules = { ...ANY, saysMedium: true };

/** The same with a table that lasts: the range gets room for metadata before so many slots. */
function lasting(variant: Variant): Variant {
  const { spareStart: first, slots, unit } = variant.geometry;
  let count = slots;
  while (layoutOf(count, unit).slots < slots) count += unit;
  const layout = layoutOf(count, unit);
  return {
    ...variant,
    geometry: {
      ...variant.geometry,
      spareRange: { first, count },
      spareStart: first + layout.slotsStart,
      slots: layout.slots,
    },
  };
}

async function nullBlocks(mainBlock: number, spareBlock: number) {
  const main = await NullBlock.create("modelmain", 8, mainBlock);
  const spare = await NullBlock.create("modelspare", 1, spareBlock);
  return { main, spare, other: await NullBlock.create("modelother", 1, spareBlock) };
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

async function badDisks(dm: DeviceMapper) {
  const { main, spare } = DISK_SECTORS;
  return {
    main: await BadSectors.create(dm, "modelmain", "/dev/lab/main", main, "medium"),
    spare: await BadSectors.create(dm, "modelspare", "/dev/lab/spare", spare, "io"),
  };
}

/** Devices in memory that fail for reads and for writes apart. */
function badBlocks(status: BadStatus, mainBlock = 512, spareBlock = 512): Variant["build"] {
  return async (dm) => {
    const { main, spare, other } = await nullBlocks(mainBlock, spareBlock);
    return {
      main: await BadSectors.create(dm, "badmain", main, main.sectors, status),
      spare: await BadSectors.create(dm, "badspare", spare, spare.sectors, status),
      other: await BadSectors.create(dm, "badother", other, other.sectors, status),
    };
  };
}

async function sameBadBlock(dm: DeviceMapper) {
  const below = await NullBlock.create("modelboth", 8, 512);
  const main = await BadSectors.create(dm, "badboth", below, 8 * SECTORS_PER_MIB, "io");
  return { main, spare: main };
}

/** On plain devices, where a bad sector is bad for reads and writes. */
const PLAIN: readonly Variant[] = [
  {
    name: "plain",
    geometry: { sectors: 8192, unit: 1, spareStart: 0, slots: 512, maxRemaps: 0, rules: BOTH },
    mainStart: 0,
    features: AT_ONCE,
    build: () => nullBlocks(512, 512),
  },
  {
    // Nothing is aligned to anything, and bad sectors come and go by table swaps.
    name: "odd",
    geometry: {
      sectors: 6001,
      unit: 1,
      spareStart: 77,
      slots: 333,
      maxRemaps: 0,
      rules: BOTH_AND_DEATH,
    },
    mainStart: 1023,
    features: { retries: 2n, retryDelayMs: 1n },
    build: ramDisks,
  },
  {
    name: "blocks-4096",
    geometry: { sectors: 8192, unit: 8, spareStart: 64, slots: 1024, maxRemaps: 800, rules: BOTH },
    mainStart: 128,
    features: AT_ONCE,
    build: () => nullBlocks(4096, 4096),
  },
  {
    // The spare's logical block is smaller than main's.
    name: "blocks-mixed",
    geometry: { sectors: 4096, unit: 8, spareStart: 24, slots: 1024, maxRemaps: 0, rules: BOTH },
    mainStart: 8,
    features: AT_ONCE,
    build: () => nullBlocks(4096, 512),
  },
  {
    name: "tail",
    geometry: { sectors: 4096, unit: 1, spareStart: 4096, slots: 301, maxRemaps: 0, rules: BOTH },
    mainStart: 0,
    features: AT_ONCE,
    build: sameNullBlock,
  },
  {
    name: "disks",
    geometry: {
      sectors: 5001,
      unit: 1,
      spareStart: 32,
      slots: 400,
      maxRemaps: 0,
      rules: BOTH_AND_DEATH,
    },
    mainStart: 2048,
    features: AT_ONCE,
    build: disks,
  },
  {
    name: "head",
    geometry: { sectors: 4000, unit: 1, spareStart: 3, slots: 600, maxRemaps: 400, rules: BOTH },
    mainStart: 1203,
    features: AT_ONCE,
    build: sameNullBlock,
  },
];

/** On devices that go bad in every way, dead ones too. */
const GOING_BAD: readonly Variant[] = [
  {
    name: "bad",
    geometry: { sectors: 6000, unit: 1, spareStart: 9, slots: 500, maxRemaps: 0, rules: MEDIUM },
    mainStart: 77,
    features: OFTEN,
    build: badBlocks("medium"),
  },
  {
    name: "bad-disks",
    geometry: { sectors: 5000, unit: 1, spareStart: 40, slots: 600, maxRemaps: 0, rules: ANY },
    mainStart: 1000,
    features: OFTEN,
    build: badDisks,
  },
  {
    name: "bad-blocks-4096",
    geometry: { sectors: 8192, unit: 8, spareStart: 64, slots: 800, maxRemaps: 0, rules: ANY },
    mainStart: 128,
    features: OFTEN,
    build: badBlocks("io", 4096, 4096),
  },
  {
    name: "bad-tail",
    geometry: {
      sectors: 4096,
      unit: 1,
      spareStart: 4099,
      slots: 400,
      maxRemaps: 0,
      oneDevice: true,
      rules: ANY,
    },
    mainStart: 0,
    features: OFTEN,
    build: sameBadBlock,
  },
  {
    name: "small-spare",
    geometry: { sectors: 3000, unit: 1, spareStart: 0, slots: 24, maxRemaps: 0, rules: MEDIUM },
    mainStart: 0,
    features: OFTEN,
    build: badBlocks("medium"),
  },
  {
    name: "max-remaps",
    geometry: { sectors: 3000, unit: 1, spareStart: 5, slots: 300, maxRemaps: 12, rules: ANY },
    mainStart: 3,
    features: OFTEN,
    build: badBlocks("io"),
  },
  {
    name: "pending-verify",
    geometry: {
      sectors: 4000,
      unit: 1,
      spareStart: 0,
      slots: 300,
      maxRemaps: 0,
      rules: { ...MEDIUM, verifiesPending: true },
    },
    mainStart: 64,
    features: { ...OFTEN, pendingPolicy: "verify" },
    build: badBlocks("medium"),
  },
  {
    name: "proactive",
    geometry: {
      sectors: 4000,
      unit: 1,
      spareStart: 0,
      slots: 500,
      maxRemaps: 0,
      rules: { ...ANY, proactive: true },
    },
    mainStart: 0,
    features: { ...OFTEN, proactive: true },
    build: badBlocks("io"),
  },
  {
    name: "no-auto-remap",
    geometry: {
      sectors: 4000,
      unit: 1,
      spareStart: 0,
      slots: 300,
      maxRemaps: 0,
      rules: { ...MEDIUM, passive: true },
    },
    mainStart: 0,
    features: { ...OFTEN, noAutoRemap: true },
    build: badBlocks("medium"),
  },
  {
    name: "verify-reads",
    geometry: { sectors: 5000, unit: 1, spareStart: 0, slots: 500, maxRemaps: 0, rules: MEDIUM },
    mainStart: 11,
    features: { ...OFTEN, verifyReads: true },
    build: badBlocks("medium"),
  },
  {
    // All features at once, and the spare's logical block is smaller than main's.
    name: "all-features",
    geometry: {
      sectors: 4096,
      unit: 8,
      spareStart: 24,
      slots: 512,
      maxRemaps: 400,
      rules: { ...MEDIUM, verifiesPending: true, proactive: true },
    },
    mainStart: 8,
    features: {
      retries: 3n,
      retryDelayMs: 1n,
      pendingPolicy: "verify",
      proactive: true,
      verifyReads: true,
    },
    build: badBlocks("io", 4096, 512),
  },
];

/** The table of these lasts; that of the others is volatile, which saves them the journal. */
const LASTING: readonly string[] = [
  "odd",
  "blocks-4096",
  "blocks-mixed",
  "tail",
  "head",
  "bad",
  "bad-blocks-4096",
  "small-spare",
  "max-remaps",
  "pending-verify",
  "no-auto-remap",
  "all-features",
];

/** These migrate, to and fro between two spares. */
const MIGRATING: readonly string[] = [
  "blocks-4096",
  "blocks-mixed",
  "bad",
  "bad-blocks-4096",
  "small-spare",
  "max-remaps",
  "pending-verify",
  "all-features",
];

function migrating(variant: Variant): Variant {
  return { ...variant, geometry: { ...variant.geometry, twoSpares: true } };
}

export const VARIANTS: readonly Variant[] = [...PLAIN, ...GOING_BAD]
  .map((variant) => LASTING.includes(variant.name) ? lasting(variant) : variant)
  .map((variant) => MIGRATING.includes(variant.name) ? migrating(variant) : variant);
