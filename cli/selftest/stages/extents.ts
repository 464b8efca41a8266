// SPDX-License-Identifier: GPL-2.0-only
// Which sectors of a device lie under a file.
import { run } from "../programs.ts";
import type { Range } from "../rig.ts";

/**
 * Reads what `filefrag -e -b512` prints: a line for each extent, lengths and places in sectors.
 * Extents that are not on the disk, or shared with metadata, are left out.
 */
export function parseFilefrag(text: string): Range[] {
  const ranges: Range[] = [];
  for (const line of text.split("\n")) {
    const match = /^\s*\d+:\s*\d+\.\.\s*\d+:\s*(\d+)\.\.\s*\d+:\s*(\d+):(.*)$/.exec(line);
    if (match === null) continue;
    const [, first = "", count = "", flags = ""] = match;
    if (/inline|not_aligned|delalloc|unknown|unwritten/.test(flags)) continue;
    ranges.push({ first: Number(first), count: Number(count) });
  }
  return ranges;
}

/** The sectors under some files, one extent after the other. */
export async function findExtents(
  paths: readonly string[],
  signal: AbortSignal,
): Promise<Range[]> {
  return parseFilefrag(await run("filefrag", ["-e", "-b512", ...paths], { signal }));
}
