// SPDX-License-Identifier: GPL-2.0-only
//
// The devices of a recording. Host and guest work them out alike.
import { layoutOf } from "../../cli/metadata/layout.ts";
import { SECTOR_BYTES, spareStamps, stamps } from "../model/stamps.ts";
import type { Geometry } from "./marks.ts";
import type { Images } from "./play.ts";

/** Each has sectors of its own. */
export const WORKERS = 3;
/** More single sectors than a journal block has entries fit into one, with gaps between. */
export const REGION_SECTORS = 640;
export const MAIN_SECTORS = WORKERS * REGION_SECTORS;
/** Before the spare range on its device. */
export const SPARE_START = 64;
/** The smallest journal there is: its ring is full after eight commits. */
export const SPARE_SECTORS = 2048;
export const SPARE_DEVICE_SECTORS = SPARE_START + SPARE_SECTORS;
/** Main, then the spare device. */
export const IMAGE_SECTORS = MAIN_SECTORS + SPARE_DEVICE_SECTORS;

export const LAYOUT = layoutOf(SPARE_SECTORS, 1);

export function geometryOf(seed: number): Geometry {
  return {
    seed,
    main: { device: 0, start: 0, sectors: MAIN_SECTORS },
    spare: { device: 1, start: SPARE_START, sectors: SPARE_SECTORS },
    unit: 1,
    spareStart: SPARE_START,
  };
}

/** Main holds data, the spare holds zeroes where metadata will be and something old in its slots. */
export function freshImages(seed: number): Images {
  const spare = new Uint8Array(SPARE_DEVICE_SECTORS * SECTOR_BYTES);
  const first = SPARE_START + LAYOUT.slotsStart;
  spare.set(spareStamps(seed, first, SPARE_DEVICE_SECTORS - first), first * SECTOR_BYTES);
  return [stamps(seed, 0, MAIN_SECTORS, 0), spare];
}
