// SPDX-License-Identifier: GPL-2.0-only
//
// The disks of each part: host and guest know them alike.
import type { GuestDisk } from "../../cli/lab/guest.ts";
import { guestDisk, LAYOUTS, SPARE_SECTORS } from "../badblocks/layout.ts";

/** Which sectors are bad never changes. */
export const SEED = 1;

/** Disks that fio writes to: with 512-byte blocks by default, all buses with --full. */
const FIO_DISKS: readonly string[] = ["nvme", "scsi"];
const FIO_DISKS_FULL: readonly string[] = ["nvme", "nvme-4k", "scsi"];

export function fioDisks(full: boolean): GuestDisk[] {
  const names = full ? FIO_DISKS_FULL : FIO_DISKS.slice(0, 1);
  return LAYOUTS.filter(({ name }) => names.includes(name)).flatMap((layout) => [
    guestDisk(layout, SEED),
    { serial: `${layout.name}-spare`, sizeBytes: SPARE_SECTORS * 512 },
  ]);
}

const MIB = 2048;

/** A disk of a plain kind, empty at first. */
function plain(serial: string, sectors: number, bus: GuestDisk["bus"] = "virtio"): GuestDisk {
  return { serial, sizeBytes: sectors * 512, bus };
}

/** Of a file system under stress. */
export const STRESS_SECTORS = 256 * MIB;

export const STRESS_DISKS: readonly GuestDisk[] = [plain("stress", STRESS_SECTORS + 32 * MIB)];

/** A device that others build on, in MiB, and how much of what they build is filled. */
interface Stack {
  readonly device: number;
  readonly content: number;
  /** Sectors that are bad from the beginning. */
  readonly bad: number;
}

/** Of each disk that LVM, md and integritysetup get a device on; with --full there is more of it. */
const STACKS = {
  lvm: { usual: { device: 32, content: 4, bad: 200 }, full: { device: 64, content: 8, bad: 400 } },
  md: { usual: { device: 8, content: 4, bad: 100 }, full: { device: 24, content: 12, bad: 300 } },
  integrity: {
    usual: { device: 16, content: 4, bad: 120 },
    full: { device: 40, content: 8, bad: 300 },
  },
} as const;

export function stackOf(name: keyof typeof STACKS, full: boolean): Stack & { sectors: number } {
  const stack = STACKS[name][full ? "full" : "usual"];
  return { ...stack, sectors: stack.device * MIB };
}

/** So many pairs of main and spare on one disk. */
const pairs = (serial: string, sectors: number, count: number) =>
  plain(serial, count * (sectors + 16 * MIB));

export function stackDisks(name: keyof typeof STACKS, full: boolean): GuestDisk[] {
  const { sectors } = stackOf(name, full);
  if (name !== "md") return [pairs(name, sectors, name === "lvm" ? 3 : 2)];
  return [pairs("md1", sectors, 2), pairs("md5", sectors, 3)];
}

/** The block device tests' own: no sector of it is bad, some are relocated by hand. */
export const BLOCK_SECTORS = 64 * MIB;
export const BLOCK_SPARE_SECTORS = 4 * MIB;
export const BLOCK_DISKS: readonly GuestDisk[] = [
  plain("block", BLOCK_SECTORS, "nvme"),
  plain("block-spare", BLOCK_SPARE_SECTORS, "nvme"),
];
