// SPDX-License-Identifier: GPL-2.0-only
// What host and guest agree on.

/** Reads of this sector of main fail. */
export const BAD_SECTOR = 5000;
