// SPDX-License-Identifier: GPL-2.0-only
// What host and guest agree on; that of tests/restore as well.
import type { GuestDisk } from "../../../cli/lab/guest.ts";

export const MIB = 1024 * 1024;

/** Reads of this sector of main fail. */
export const BAD_SECTOR = 5000;

/** What a device is made of. */
export const PAIR: readonly GuestDisk[] = [
  { serial: "main", sizeBytes: 64 * MIB, faults: [{ iotype: "read", sector: BAD_SECTOR }] },
  { serial: "spare", sizeBytes: 16 * MIB },
];
