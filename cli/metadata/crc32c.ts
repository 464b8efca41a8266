// SPDX-License-Identifier: GPL-2.0-only
// @ts-types="./crc_32.d.ts"
import crc from "crc-32/crc32c.js";

/** CRC-32C (Castagnoli) of `bytes`, continuing `previous`. Unsigned. */
export function crc32c(bytes: Uint8Array, previous = 0): number {
  return crc.buf(bytes, previous) >>> 0;
}
