// SPDX-License-Identifier: GPL-2.0-only
// The lists of badblocks(8), e2fsck(8) -l and mke2fs(8) -l: a block number a line.
import { type Area, AreaCollector, ListError } from "./area.ts";
import { eachLine, type Pieces, shown } from "./lines.ts";

/** That of badblocks(8), if it is not told another one. */
export const DEFAULT_BLOCK_SIZE = 1024n;

/**
 * Reads block numbers in any order. Empty lines are passed over, and so are comments behind `#`,
 * which people write into such files.
 *
 * ```ts
 * import { parseBadblocks } from "./badblocks.ts";
 * await parseBadblocks(["7\n8\n"], 1024n); // [{ start: 7168n, length: 2048n }]
 * ```
 *
 * @throws {ListError}
 */
export async function parseBadblocks(pieces: Pieces, blockSize: bigint): Promise<Area[]> {
  const areas = new AreaCollector();
  const lines = await eachLine(pieces, (line, number) => {
    const text = line.startsWith("#") ? "" : line.replace(/\s+#.*$/, "");
    if (text === "") return;
    // As many digits as 64 bits have.
    if (!/^\d{1,20}$/.test(text)) throw new ListError(number, `${shown(text)} is no block number`);
    areas.add(BigInt(text) * blockSize, blockSize, number);
  });
  return areas.finish(lines);
}

/**
 * Gives the numbers of all blocks that the areas touch, in pieces of text. The areas have to ascend.
 */
export function* formatBadblocks(areas: Iterable<Area>, blockSize: bigint): Generator<string> {
  let text = "";
  let next = 0n;
  for (const { start, length } of areas) {
    if (length === 0n) continue;
    const first = start / blockSize;
    const last = (start + length - 1n) / blockSize;
    for (let block = first > next ? first : next; block <= last; block++) {
      text += `${block}\n`;
      if (text.length < 65536) continue;
      yield text;
      text = "";
    }
    if (last >= next) next = last + 1n;
  }
  yield text;
}
