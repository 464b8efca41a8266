// SPDX-License-Identifier: GPL-2.0-only
// Decisions by what they have in common.
import type { Fates } from "./job.ts";
import type { Decision, Fate, Reason, Span } from "./types.ts";
import { zip } from "./zip.ts";

/** Sectors with one fate, for one reason, by one word. */
export interface Group {
  readonly fate: Fate;
  readonly reason: Reason;
  /** Index of the witness; -1: the snapshot itself. */
  readonly by: number;
  readonly spans: readonly Span[];
  readonly sectors: number;
}

/** In the order in which they come first. */
export function groupsOf(decisions: readonly Decision[]): Group[] {
  const groups = new Map<string, Group & { spans: Span[]; sectors: number }>();
  for (const { first, length, fate, reason, by } of decisions) {
    const key = `${fate} ${reason} ${by}`;
    const group = groups.get(key) ?? { fate, reason, by, spans: [], sectors: 0 };
    groups.set(key, group);
    group.spans.push({ first, length });
    group.sectors += length;
  }
  return [...groups.values()];
}

/**
 * Sectors that get the snapshot's content although nobody saw later that it was still theirs: by the
 * word of the last one who looked at contents and is sure to be the last.
 */
export function unconfirmed(
  { decisions, witnesses }: Pick<Fates, "decisions" | "witnesses">,
): number {
  const last = witnesses.findLast(({ kind, knowledge: { order } }) =>
    order === "newer" && kind !== "snapshot"
  );
  const restored = decisions.filter(({ fate }) => fate === "content");
  let sectors = 0;
  for (const { length, a, b } of zip(restored, last?.equal ?? [])) {
    if (a !== undefined && b === undefined) sectors += length;
  }
  return sectors;
}

export function sumSpans(spans: Iterable<Span>): number {
  let sum = 0;
  for (const { length } of spans) sum += length;
  return sum;
}
