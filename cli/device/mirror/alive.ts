// SPDX-License-Identifier: GPL-2.0-only
// A disk that does not answer at all gives the same errors as one with bad sectors: of the one,
// nothing may be concluded.
import { RefusedError } from "../errors.ts";
import type { RangeSet } from "./range_set.ts";
import type { Source } from "./source.ts";

const PROBES = 16;

/**
 * Reads in some places, of those that could be read before.
 * @throws {RefusedError} if none of them can be read now, or most of the device never could
 */
export async function checkAlive(
  name: string,
  source: Source,
  missing: RangeSet,
  { length, unit, onMain }: {
    readonly length: number;
    readonly unit: number;
    /** What the spare gives says nothing of main. */
    readonly onMain: (sector: number) => boolean;
  },
): Promise<void> {
  if (missing.isEmpty) return;
  if (missing.size * 2 < length) {
    for (let i = 0; i < PROBES; i++) {
      const first = Math.floor(i * length / PROBES / unit) * unit;
      if (missing.meets({ first, end: first + unit }) || !onMain(first)) continue;
      if (await source.read(first, unit) !== undefined) return;
    }
  }
  throw new RefusedError("its main device does not answer any more: what is missing is not known", {
    device: name,
    cure: "nothing has changed; see to the old disk (power, cables), or take a backup",
  });
}
