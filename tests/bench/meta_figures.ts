// SPDX-License-Identifier: GPL-2.0-only
import { median } from "./median.ts";

/** What a process took. */
export interface Usage {
  readonly wall_s: number;
  /** In user and kernel mode together. */
  readonly cpu_s: number;
  readonly max_rss_kib: number;
}

export interface CheckFigures {
  readonly entries: number;
  readonly runs: number;
  readonly meta_check: Usage;
  readonly thin_check: Usage;
  /** Less processor time and less time than thin_check, in the same run. */
  readonly within_budget: boolean;
}

/** Reads what `time -f '%e %U %S %M'` wrote. @throws {SyntaxError} */
export function parseTime(text: string): Usage {
  const numbers = /^([\d.]+) ([\d.]+) ([\d.]+) (\d+)\n?$/.exec(text)?.slice(1).map(Number);
  const [wall_s, user_s, system_s, max_rss_kib] = numbers ?? [];
  if (
    wall_s === undefined || user_s === undefined || system_s === undefined ||
    max_rss_kib === undefined
  ) throw new SyntaxError(`not what time(1) writes: ${text}`);
  return { wall_s, cpu_s: user_s + system_s, max_rss_kib };
}

/** The medians of both, and who was faster. */
export function compareChecks(
  entries: number,
  usages: { readonly meta_check: readonly Usage[]; readonly thin_check: readonly Usage[] },
): CheckFigures {
  const ours = middle(usages.meta_check);
  const theirs = middle(usages.thin_check);
  return {
    entries,
    runs: usages.meta_check.length,
    meta_check: ours,
    thin_check: theirs,
    within_budget: ours.cpu_s < theirs.cpu_s && ours.wall_s < theirs.wall_s,
  };
}

function middle(usages: readonly Usage[]): Usage {
  const of = (key: keyof Usage) => median(usages.map((usage) => usage[key]));
  return { wall_s: of("wall_s"), cpu_s: of("cpu_s"), max_rss_kib: of("max_rss_kib") };
}
