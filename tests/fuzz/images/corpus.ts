// SPDX-License-Identifier: GPL-2.0-only
//
// Sound metadata for the fuzzer to start from.
import * as fc from "fast-check";
import { SECTOR_SIZE } from "../../../cli/metadata/format.ts";
import { history, live } from "./history.ts";

/** Without the slots. */
export function corpus(count: number, seed: number): Uint8Array<ArrayBuffer>[] {
  return fc.sample(history, { numRuns: count, seed }).map((days) => {
    const { bytes, layout } = live(days);
    return bytes.slice(0, layout.slotsStart * SECTOR_SIZE);
  });
}
