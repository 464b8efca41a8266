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

/** Of each disk that LVM, md and integritysetup get a device on. */
export const LVM_SECTORS = 64 * MIB;
export const MD_SECTORS = 24 * MIB;
export const INTEGRITY_SECTORS = 40 * MIB;

/** So many pairs of main and spare on one disk. */
const pairs = (serial: string, sectors: number, count: number) =>
  plain(serial, count * (sectors + 16 * MIB));

export const LVM_DISKS: readonly GuestDisk[] = [pairs("lvm", LVM_SECTORS, 3)];
export const MD_DISKS: readonly GuestDisk[] = [
  pairs("md1", MD_SECTORS, 2),
  pairs("md5", MD_SECTORS, 3),
];
export const INTEGRITY_DISKS: readonly GuestDisk[] = [pairs("integrity", INTEGRITY_SECTORS, 1)];

/** The block device tests' own: no sector of it is bad, some are relocated by hand. */
export const BLOCK_SECTORS = 64 * MIB;
export const BLOCK_SPARE_SECTORS = 4 * MIB;
export const BLOCK_DISKS: readonly GuestDisk[] = [
  plain("block", BLOCK_SECTORS, "nvme"),
  plain("block-spare", BLOCK_SPARE_SECTORS, "nvme"),
];
