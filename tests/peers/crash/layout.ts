// SPDX-License-Identifier: GPL-2.0-only
//
// The recorded devices: main, and the spare behind it on the same disk.
const MIB = 2048;

/** Sectors in a logical block of main: what file systems take to be written as a whole. */
export const UNIT = 8;
export const MAIN_SECTORS = 32 * MIB;
export const SPARE_SECTORS = 8 * MIB;
export const DISK_BYTES = (MAIN_SECTORS + SPARE_SECTORS) * 512;
export const IMAGE_BYTES = MAIN_SECTORS * 512;
