// SPDX-License-Identifier: GPL-2.0-only
//
// Recordings as files: the images that it began with, the record itself.
import type { Recording } from "./campaign.ts";
import { DEVICE_SECTORS, IMAGE_SECTORS } from "./layout.ts";
import type { Images } from "./play.ts";
import { parseRecording, SECTOR } from "./recording.ts";

const IMAGE_BYTES = IMAGE_SECTORS * SECTOR;

/** Where a recording of this name has its files. */
export const recordPath = (directory: string, name: string): string =>
  `${directory}/${name}.record`;
export const beforePath = (directory: string, name: string): string =>
  `${directory}/${name}.before`;

/** One image after the other, main and the spare devices of each. */
export async function writeImages(path: string, all: readonly Images[]): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true, truncate: true });
  for (const images of all) {
    for (const bytes of images) {
      for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
    }
  }
}

export function splitImage(bytes: Uint8Array<ArrayBuffer>, image: number): Images {
  let at = image * IMAGE_BYTES;
  return DEVICE_SECTORS.map((sectors) => bytes.slice(at, at += sectors * SECTOR));
}

export async function readRecording(directory: string, name: string): Promise<Recording> {
  const images = await Deno.readFile(beforePath(directory, name));
  return {
    name,
    events: parseRecording(await Deno.readFile(recordPath(directory, name))),
    imagesOf: (image) => splitImage(images, image),
  };
}
