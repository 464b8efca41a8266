// SPDX-License-Identifier: GPL-2.0-only

const POLYNOMIAL = 0x82f63b78;
/** How many bytes one step takes: a table for each. */
const SLICES = 8;

/** TABLES[256 * k + byte]: the CRC of that byte with k zeroes behind it. */
const TABLES = makeTables();

function makeTables(): Int32Array {
  const tables = new Int32Array(256 * SLICES);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
    tables[byte] = crc;
  }
  for (let index = 256; index < tables.length; index++) {
    const previous = tables[index - 256]!;
    tables[index] = (previous >>> 8) ^ tables[previous & 0xff]!;
  }
  return tables;
}

/** CRC-32C (Castagnoli) of `bytes`, continuing `previous`. Unsigned. */
export function crc32c(bytes: Uint8Array, previous = 0): number {
  let crc = ~previous;
  for (let index = 0; index < bytes.length; index++) {
    crc = (crc >>> 8) ^ TABLES[(crc ^ bytes[index]!) & 0xff]!;
  }
  return ~crc >>> 0;
}
