// SPDX-License-Identifier: GPL-2.0-only
//
// What `deno coverage --lcov` says, file by file.
import { addShares, type FileSummary } from "./summary.ts";

function numberAfter(record: string, key: string): number {
  return Number(new RegExp(`^${key}:(\\d+)$`, "m").exec(record)?.[1] ?? 0);
}

/** @param root what names are relative to */
export function parseLcov(text: string, root: string): FileSummary[] {
  return text.split("end_of_record").flatMap((record) => {
    const path = /^SF:(.*)$/m.exec(record)?.[1];
    if (path === undefined) return [];
    const missed = [...record.matchAll(/^DA:(\d+),0$/gm)].map(([, line]) => Number(line));
    return [{
      name: path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path,
      lines: { hit: numberAfter(record, "LH"), all: numberAfter(record, "LF") },
      branches: { hit: numberAfter(record, "BRH"), all: numberAfter(record, "BRF") },
      missed,
    }];
  });
}

/** `cli/device/spare/a.ts` counts for `cli/device`; a file of the top folder for that. */
function folderOf(name: string): string {
  return name.split("/").slice(0, -1).slice(0, 2).join("/");
}

export function byFolder(files: readonly FileSummary[]): FileSummary[] {
  const folders = Map.groupBy(files, ({ name }) => folderOf(name));
  return [...folders].sort(([a], [b]) => a < b ? -1 : 1).map(([name, members]) => ({
    name,
    lines: addShares(members.map(({ lines }) => lines)),
    branches: addShares(members.map(({ branches }) => branches)),
    missed: [],
  }));
}
