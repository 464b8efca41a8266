// SPDX-License-Identifier: GPL-2.0-only
// The order in which witnesses knew what they know.
import type { SnapshotHead } from "../store/types.ts";
import { compareTimes, datedOf, type Lineage, lineageOf, orderOf } from "./order.ts";
import type { Witness } from "./witness.ts";

/**
 * Those that are later than the snapshot for certain, by their times, and then those that are not. Of
 * two of which nobody knows which is the later one, the second is not certain either.
 */
export function inOrder(head: SnapshotHead, witnesses: readonly Witness[]): Witness[] {
  const lineage: Lineage = lineageOf([
    datedOf(head).device,
    ...witnesses.map(({ dated }) => dated.device),
  ]);
  const sorted = witnesses.filter(({ knowledge: { order } }) => order === "newer")
    .toSorted((a, b) => compareTimes(a.dated, b.dated, lineage));
  const newer: Witness[] = [];
  const unsure = witnesses.filter(({ knowledge: { order } }) => order === "unsure");
  for (const witness of sorted) {
    const before = newer.at(-1);
    if (before === undefined || orderOf(before.dated, witness.dated, lineage) === "newer") {
      newer.push(witness);
    } else unsure.push({ ...witness, knowledge: { ...witness.knowledge, order: "unsure" } });
  }
  return [...newer, ...unsure];
}
