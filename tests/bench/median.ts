// SPDX-License-Identifier: GPL-2.0-only

/** The middle value, or the mean of the two in the middle; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  const high = sorted[half];
  const low = sorted[sorted.length % 2 === 1 ? half : half - 1];
  return high === undefined || low === undefined ? NaN : (low + high) / 2;
}
