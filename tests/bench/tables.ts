// SPDX-License-Identifier: GPL-2.0-only
//
// Spares of devices that have met a lot: written here by the tool, so that a million entries need
// no million moves in a guest that counts its instructions.
import { join } from "node:path";
import type { Extent } from "../../cli/metadata/extent.ts";
import { openImage } from "../../cli/metadata/image.ts";
import { layoutOf } from "../../cli/metadata/layout.ts";
import { writeMetadata } from "../../cli/metadata/write.ts";
import { TABLE_SIZES } from "./cases.ts";

/** Sectors that no entry lies in: the first of main. */
const FREE_SECTORS = 512_000;
const LARGEST = Math.max(...TABLE_SIZES);
/** Entries lie this far apart. */
const DISTANCE = 64;

/** The devices that the tables are for; the size of a disk is part of its table. */
export const DEVICES = {
  /** Length of the target, and of the main device. */
  mainSectors: FREE_SECTORS + LARGEST * DISTANCE,
  /** Room for the entries, each in the slot beside the last, and for more. */
  spareSectors: 683 * 2048,
} as const;

function* scattered(count: number): Iterable<Extent> {
  const { slotsStart } = layoutOf(DEVICES.spareSectors, 1);
  for (let index = 0; index < count; index++) {
    const first = FREE_SECTORS + index * DISTANCE + 3;
    yield { first, length: 1, slot: slotsStart + index, state: "remapped" };
  }
}

export function tableFile(folder: string, entries: number): string {
  return join(folder, `table-${entries}.img`);
}

/** The heads of spares, up to their slots, as files. */
export function writeTables(folder: string): void {
  const { mainSectors, spareSectors } = DEVICES;
  for (const entries of TABLE_SIZES) {
    const path = tableFile(folder, entries);
    Deno.writeFileSync(path, new Uint8Array());
    Deno.truncateSync(path, layoutOf(spareSectors, 1).slotsStart * 512);
    using image = openImage(path, { write: true });
    writeMetadata(image, {
      uuid: "6c8b2f6e-5b1c-4d0e-9a63-2f1d4c7b8a90",
      ...{ blockSectors: 1, mainStart: 0, mainSectors, mainDeviceSectors: mainSectors },
      ...{ spareStart: 0, spareSectors, spareDeviceSectors: spareSectors },
    }, scattered(entries));
  }
}
