// SPDX-License-Identifier: GPL-2.0-only
// Disks with faults that QEMU injects, for the guest of `selftest --vm`: as a real disk would tell it.
import type { DiskFault, GuestDisk } from "../../../lab/guest.ts";

/** Sectors of each disk, and what is wrong with them. Each case has an area of its own. */
export const AREA = 512;
export const GUEST_SECTORS = 16 * AREA;

const EIO = 5;
const EBADE = 52;
const ENODATA = 61;
const EREMOTEIO = 121;

/** Area 0: refuses writes. */
export const BAD_WRITES = [105, 190] as const;
/** Area 1: cannot be read. */
export const BAD_READS = AREA + 100;
/** Area 2: neither nor. */
export const BAD_BOTH = 2 * AREA + 100;
/** Area 3: the first write fails. */
export const ONCE_WRITE = 3 * AREA + 100;
/** Area 4: the first read fails. */
export const ONCE_READ = 4 * AREA + 100;
/** Area 5: refuses zeroes, however they are written. */
export const BAD_ZEROES = 5 * AREA + 100;
/** Area 6: a partition begins at its start; refuses writes. */
export const PARTITION_WRITE = 6 * AREA + 100;
/** Area 7: errors that are no medium's: of the target, of a reservation. SCSI only. */
export const TARGET_FAILURE = 7 * AREA + 100;
export const RESERVED = 7 * AREA + 200;

function faults(errno: number): DiskFault[] {
  return [
    ...BAD_WRITES.map((sector): DiskFault => ({ iotype: "write", sector, errno })),
    { iotype: "read", sector: BAD_READS, errno },
    { iotype: "read", sector: BAD_BOTH, errno },
    { iotype: "write", sector: BAD_BOTH, errno },
    { iotype: "write", sector: ONCE_WRITE, errno, once: true },
    { iotype: "read", sector: ONCE_READ, errno, once: true },
    { iotype: "write", sector: BAD_ZEROES, errno },
    { iotype: "write-zeroes", sector: BAD_ZEROES, errno },
    { iotype: "write", sector: PARTITION_WRITE, errno },
  ];
}

const NOT_THE_MEDIUM: readonly DiskFault[] = [
  { iotype: "write", sector: TARGET_FAILURE, errno: EREMOTEIO },
  { iotype: "read", sector: TARGET_FAILURE, errno: EREMOTEIO },
  { iotype: "write", sector: RESERVED, errno: EBADE },
  { iotype: "read", sector: RESERVED, errno: EBADE },
];

const sizeBytes = GUEST_SECTORS * 512;

export const FAULT_DISKS: readonly (GuestDisk & { readonly serial: string })[] = [
  { serial: "err-nvme", bus: "nvme", sizeBytes, faults: faults(EIO) },
  { serial: "err-virtio", bus: "virtio", sizeBytes, faults: faults(EIO) },
  {
    ...{ serial: "err-scsi", bus: "scsi", sizeBytes },
    faults: [...faults(ENODATA), ...NOT_THE_MEDIUM],
  },
];
