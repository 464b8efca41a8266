// SPDX-License-Identifier: GPL-2.0-only
// Plain columns: no frames, so that awk and people can both read them.
import Table from "cli-table3";

/** A column: its heading, and whether its cells are numbers (set to the right). */
export interface Column {
  readonly heading: string;
  readonly numeric?: boolean;
}

const NO_FRAME = {
  "top": "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  "bottom": "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  "left": "",
  "left-mid": "",
  "mid": "",
  "mid-mid": "",
  "right": "",
  "right-mid": "",
  "middle": "  ",
};

/** Lays rows out under their headings; trailing blanks are cut. */
export function formatColumns(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string {
  const table = new Table({
    head: columns.map((column) => column.heading),
    colAligns: columns.map((column) => column.numeric ? "right" : "left"),
    chars: NO_FRAME,
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [], compact: true },
  });
  for (const row of rows) table.push([...row]);
  return trimLines(table.toString());
}

/** Lays out `label: value` lines, the values under each other. */
export function formatPairs(pairs: readonly (readonly [string, string])[]): string {
  const width = Math.max(0, ...pairs.map(([label]) => label.length));
  return pairs.map(([label, value]) => `  ${`${label}:`.padEnd(width + 1)} ${value}`).join("\n");
}

function trimLines(text: string): string {
  return text.split("\n").map((line) => line.trimEnd()).join("\n");
}
