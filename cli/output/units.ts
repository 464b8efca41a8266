// SPDX-License-Identifier: GPL-2.0-only
// Sectors as people want to read them: sectors, bytes or IEC units.

/** The values that `--units` takes. */
export const UNITS = ["s", "b", "iec"] as const;

/** How a human reads amounts of storage: `s` sectors, `b` bytes, `iec` KiB, MiB, ... */
export type Units = typeof UNITS[number];

/** The sector of the device-mapper interface, whatever the disk's own block size is. */
export const SECTOR_BYTES = 512n;

const IEC_NAMES = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"] as const;

/**
 * Writes a length in the units asked for.
 *
 * ```ts
 * formatLength(204800n, "iec"); // "100 MiB"
 * formatLength(204800n, "s"); // "204800s"
 * formatLength(204800n, "b"); // "104857600B"
 * ```
 */
export function formatLength(sectors: bigint, units: Units): string {
  if (units === "s") return `${sectors}s`;
  const bytes = sectors * SECTOR_BYTES;
  return units === "b" ? `${bytes}B` : formatIec(bytes);
}

/** The same of bytes, which have to be whole sectors. */
export function formatBytes(bytes: number, units: Units): string {
  return formatLength(BigInt(bytes) / SECTOR_BYTES, units);
}

/**
 * Writes a position on a device. Positions stay exact: a rounded start of "1.2 GiB" could not be
 * typed back into a command, so IEC units leave them in sectors.
 */
export function formatPosition(sector: bigint, units: Units): string {
  return units === "b" ? `${sector * SECTOR_BYTES}B` : `${sector}`;
}

/** Writes bytes with the largest IEC unit that leaves at least one whole, with up to two decimals. */
export function formatIec(bytes: bigint): string {
  let power = 0;
  let unit = 1n;
  while (power < IEC_NAMES.length - 1 && bytes >= unit * 1024n) {
    unit *= 1024n;
    power++;
  }
  const hundredths = (bytes * 100n) / unit;
  const whole = hundredths / 100n;
  const rest = (hundredths % 100n).toString().padStart(2, "0").replace(/0+$/, "");
  return `${whole}${rest === "" ? "" : `.${rest}`} ${IEC_NAMES[power]}`;
}

/** "1 sector", "2 sectors". */
export function countOf(count: bigint | number, singular: string, plural?: string): string {
  return `${count} ${BigInt(count) === 1n ? singular : plural ?? `${singular}s`}`;
}
