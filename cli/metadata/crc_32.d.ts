// SPDX-License-Identifier: GPL-2.0-only
// What of crc-32 this program uses.
declare const crc: {
  /** CRC-32C of `data`, continuing `seed`; a signed number. */
  readonly buf: (data: Uint8Array, seed?: number) => number;
};

export default crc;
