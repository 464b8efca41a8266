// SPDX-License-Identifier: GPL-2.0-only
import { holdsStamp, SECTOR_BYTES } from "../model/stamps.ts";
import { OTHER } from "./marks.ts";

/** The number of the stamp in sector `at` of a buffer; OTHER if that is no whole stamp of `sector`. */
export function stampAt(words: Uint32Array, at: number, seed: number, sector: number): number {
  const sequence = words[at * (SECTOR_BYTES / 4) + 3]!;
  return holdsStamp(words, at, seed, sector, sequence) ? sequence : OTHER;
}
