// SPDX-License-Identifier: GPL-2.0-only
//
// Which mutants a run takes that does not take them all.

/**
 * `count` of the names, others with each number of `turn`: successive numbers walk through all of
 * them. The order is mixed, but always the same: neighbours by name would all take the same tests.
 */
export function sampleOf(names: readonly string[], count: number, turn: number): string[] {
  const mixed = names.map((name) => [hash(name), name] as const)
    .sort(([a, x], [b, y]) => a - b || (x < y ? -1 : 1));
  const size = Math.min(count, mixed.length);
  const first = mixed.length === 0 ? 0 : (turn * size) % mixed.length;
  return Array.from({ length: size }, (_, i) => mixed[(first + i) % mixed.length]![1]);
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) {
    value = Math.imul(value ^ byte, 0x01000193) >>> 0;
  }
  return value;
}
