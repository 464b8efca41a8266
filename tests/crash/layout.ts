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
/** The two ranges lie differently on their devices, and differ in size. */
export const SPARES = [
  { device: 1, start: SPARE_START, sectors: SPARE_SECTORS },
  { device: 2, start: 2 * SPARE_START, sectors: SPARE_SECTORS + 640 },
] as const;
export const SPARE_DEVICE_SECTORS = [
  SPARES[0].start + SPARES[0].sectors,
  SPARES[1].start + SPARES[1].sectors,
] as const;
/** Main, then the spare devices. */
export const DEVICE_SECTORS: readonly number[] = [MAIN_SECTORS, ...SPARE_DEVICE_SECTORS];
export const IMAGE_SECTORS = DEVICE_SECTORS.reduce((sum, sectors) => sum + sectors);

export const LAYOUTS = [layoutOf(SPARES[0].sectors, 1), layoutOf(SPARES[1].sectors, 1)] as const;

export function geometryOf(seed: number): Geometry {
  return {
    seed,
    main: { device: 0, start: 0, sectors: MAIN_SECTORS },
    spares: SPARES,
    unit: 1,
  };
}

/** Main holds data, a spare holds zeroes where metadata will be and something old in its slots. */
export function freshImages(seed: number): Images {
  return [stamps(seed, 0, MAIN_SECTORS, 0), freshSpare(seed, 0), freshSpare(seed, 1)];
}

function freshSpare(seed: number, number: 0 | 1): Uint8Array<ArrayBuffer> {
  const sectors = SPARE_DEVICE_SECTORS[number];
  const spare = new Uint8Array(sectors * SECTOR_BYTES);
  const first = SPARES[number].start + LAYOUTS[number].slotsStart;
  spare.set(spareStamps(seed, first, sectors - first), first * SECTOR_BYTES);
  return spare;
}
