// SPDX-License-Identifier: GPL-2.0-only
//
// Which disks there are, and which of their sectors are bad: host and guest work it out alike.
import { Random } from "../../cli/selftest/random.ts";
import type { DiskFault, GuestDisk } from "../../cli/lab/guest.ts";

/** What of a sector fails. Its opposite works, as on a disk whose heads or surface are half gone. */
export type Fault = "read" | "write" | "both";

export interface BadBlock {
  /** Sector of the remap device, the first of a logical block. */
  readonly sector: number;
  readonly fault: Fault;
}

export interface Layout {
  readonly name: string;
  readonly bus: "virtio" | "nvme" | "scsi";
  /** Sectors in a logical block. */
  readonly unit: number;
  /** errno of the faults: what the bus makes of it differs. */
  readonly errno: number;
  /** Where main starts on the disk; it is a partition unless at 0. */
  readonly mainStart: number;
  /** The spare is the tail of the disk, or a disk of its own that has no fault. */
  readonly ownSpare: boolean;
  /** How the unreadable blocks come to be known before the file system is made. */
  readonly finds: "scan" | "reads";
}

const MIB = 2048;
export const MAIN_SECTORS = 72 * MIB;
export const SPARE_SECTORS = 8 * MIB;
export const BAD_BLOCKS = 300;
/** Of a disk that is its own spare, slots that refuse writes; among those taken first. */
const BAD_SLOTS = 5;
const BAD_SLOTS_WITHIN = 64;
/** 64 KiB in which exactly two blocks are bad. */
export const PAIR = { first: 24 * MIB, count: 128 } as const;

const WHOLE = { unit: 1, errno: 5, mainStart: 0, ownSpare: false, finds: "scan" } as const;
export const LAYOUTS: readonly Layout[] = [
  { ...WHOLE, name: "nvme", bus: "nvme" },
  { ...WHOLE, name: "nvme-4k", bus: "nvme", unit: 8, mainStart: 2048, finds: "reads" },
  // 61 is a medium error there. An odd start: a sector has one number here and another on the disk.
  { ...WHOLE, name: "scsi", bus: "scsi", errno: 61, mainStart: 63 },
  // The bus knows no medium errors, only errors that could mean anything.
  { ...WHOLE, name: "virtio", bus: "virtio", ownSpare: true },
];

/** The sectors of main that are bad, in order; the seed repeats the choice. */
export function badBlocks(layout: Layout, seed: number): BadBlock[] {
  const { unit } = layout;
  const random = new Random(seed ^ layout.name.length * 0x9e3779b1);
  const chosen = new Map<number, Fault>();
  const inPair = (sector: number) => sector >= PAIR.first && sector < PAIR.first + PAIR.count;
  const one = random.below(PAIR.count / unit - 2);
  const other = random.between(one + 2, PAIR.count / unit - 1);
  chosen.set(PAIR.first + one * unit, "write");
  chosen.set(PAIR.first + other * unit, "both");
  let last = 0;
  while (chosen.size < BAD_BLOCKS) {
    // One in eight is the neighbour of another: damage has a size.
    const sector = random.below(8) === 0 ? last + unit : random.below(MAIN_SECTORS / unit) * unit;
    if (sector >= MAIN_SECTORS || inPair(sector) || chosen.has(sector)) continue;
    chosen.set(sector, random.pick(["read", "write", "both"]));
    last = sector;
  }
  return [...chosen].map(([sector, fault]) => ({ sector, fault })).sort((a, b) =>
    a.sector - b.sector
  );
}

/** Slots that refuse to be written: sectors of the spare range. */
export function badSlots(layout: Layout, seed: number): number[] {
  if (!layout.ownSpare) return [];
  const random = new Random(seed + 1);
  const chosen = new Set<number>();
  while (chosen.size < BAD_SLOTS) {
    chosen.add(random.below(BAD_SLOTS_WITHIN / layout.unit) * layout.unit);
  }
  return [...chosen].sort((a, b) => a - b);
}

/** Whether a fault strikes reads, or writes. */
export function strikes(fault: Fault, direction: "read" | "write"): boolean {
  return fault === direction || fault === "both";
}

/** Writing zeroes is a request of its own below the guest, and a bad sector does not take it either. */
function diskFaults(sector: number, fault: Fault, errno: number): DiskFault[] {
  const types: NonNullable<DiskFault["iotype"]>[] = [
    ...(strikes(fault, "read") ? ["read"] as const : []),
    ...(strikes(fault, "write") ? ["write", "write-zeroes"] as const : []),
  ];
  return types.map((iotype) => ({ iotype, sector, errno }));
}

/** The disk with its faults, as the lab takes it. */
export function guestDisk(layout: Layout, seed: number): GuestDisk {
  const { mainStart, errno, unit } = layout;
  const sectors = mainStart + MAIN_SECTORS + (layout.ownSpare ? SPARE_SECTORS : 0);
  const spareStart = mainStart + MAIN_SECTORS;
  return {
    serial: layout.name,
    bus: layout.bus,
    // Whole MiB: what lies behind main is of no use to anybody.
    sizeBytes: Math.ceil(sectors / MIB) * MIB * 512,
    ...(unit === 1 ? {} : { logicalBlockBytes: unit * 512, physicalBlockBytes: unit * 512 }),
    faults: [
      ...badBlocks(layout, seed).flatMap(({ sector, fault }) =>
        diskFaults(mainStart + sector, fault, errno)
      ),
      ...badSlots(layout, seed).flatMap((slot) => diskFaults(spareStart + slot, "write", errno)),
    ],
  };
}

/** How many of each kind, for the log. */
export function describe(blocks: readonly BadBlock[]): string {
  const count = (fault: Fault) => blocks.filter((block) => block.fault === fault).length;
  return `${blocks.length} bad blocks: ${count("read")} for reads, ${count("write")} for writes, ` +
    `${count("both")} for both`;
}
