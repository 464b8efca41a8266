// SPDX-License-Identifier: GPL-2.0-only

/** The items in an order that looks random and is the same for the same seed. */
export function shuffled<T>(items: readonly T[], seed: number): T[] {
  const result = [...items];
  let state = seed >>> 0;
  for (let last = result.length - 1; last > 0; last--) {
    // Marsaglia's xorshift32; 0 is the one state that it never leaves.
    state = state || 0x9e3779b9;
    state ^= state << 13;
    state ^= state >>> 17;
    state = (state ^ state << 5) >>> 0;
    const other = state % (last + 1);
    [result[last], result[other]] = [result[other] as T, result[last] as T];
  }
  return result;
}
