// SPDX-License-Identifier: GPL-2.0-only
//
// Counts as people read them: a line a file, and what was never executed.
import { formatColumns } from "../../cli/output/table.ts";
import type { Counts, FileCounts } from "./gcov.ts";

/** So many of so many. */
export interface Share {
  readonly hit: number;
  readonly all: number;
}

export interface FileSummary {
  readonly name: string;
  readonly lines: Share;
  readonly branches: Share;
  /** Numbers of the lines that were not executed. */
  readonly missed: readonly number[];
}

export function summarizeFile(name: string, counts: FileCounts): FileSummary {
  const lines = [...counts.values()].sort((a, b) => a.line - b.line);
  const missed = lines.filter(({ count }) => count === 0).map(({ line }) => line);
  // A branch of a line that was never reached says nothing that the line does not say.
  const branches = lines.filter(({ count }) => count > 0).flatMap((line) => line.branches);
  return {
    name,
    lines: { hit: lines.length - missed.length, all: lines.length },
    branches: { hit: branches.filter((count) => count > 0).length, all: branches.length },
    missed,
  };
}

export function summarize(counts: Counts): FileSummary[] {
  return [...counts].map(([name, file]) => summarizeFile(name, file))
    .filter(({ lines }) => lines.all > 0)
    .sort((a, b) => a.name < b.name ? -1 : 1);
}

export function addShares(shares: readonly Share[]): Share {
  const sum = (of: (share: Share) => number) => shares.reduce((all, share) => all + of(share), 0);
  return { hit: sum(({ hit }) => hit), all: sum(({ all }) => all) };
}

/** `98.2 %`, rounded down: what is not whole never looks so. */
export function percent({ hit, all }: Share): string {
  if (all === 0) return "-";
  return `${(Math.floor((hit * 1000) / all) / 10).toFixed(1)} %`;
}

export function formatSummaries(heading: string, files: readonly FileSummary[]): string {
  const rows = [
    ...files,
    {
      name: "all",
      lines: addShares(files.map(({ lines }) => lines)),
      branches: addShares(files.map(({ branches }) => branches)),
    },
  ];
  return formatColumns(
    [
      { heading },
      { heading: "LINES", numeric: true },
      { heading: "COVERED", numeric: true },
      { heading: "BRANCHES", numeric: true },
      { heading: "TAKEN", numeric: true },
    ],
    rows.map(({ name, lines, branches }) => [
      name,
      `${lines.hit}/${lines.all}`,
      percent(lines),
      `${branches.hit}/${branches.all}`,
      percent(branches),
    ]),
  );
}

/** Each line that was not executed, with its source. */
export function formatMissed(
  files: readonly FileSummary[],
  sourceOf: (name: string) => readonly string[],
): string {
  const lines = files.filter(({ missed }) => missed.length > 0).flatMap(({ name, missed }) => {
    const source = sourceOf(name);
    return [name, ...missed.map((line) => `${`${line}`.padStart(6)}  ${source[line - 1] ?? ""}`)];
  });
  return lines.join("\n");
}
