// SPDX-License-Identifier: GPL-2.0-only
// The table of a spare, or of an image of one, that no device uses.
import type { Image } from "../metadata/image.ts";
import { loadMetadata } from "../metadata/load.ts";
import type { Capture } from "./capture.ts";
import { imageContent, readContent } from "./capture_content.ts";
import { storedIdentity } from "./capture_identity.ts";
import { splitTable } from "./capture_refine.ts";

/**
 * The image has to stay open as long as its content is read.
 * @throws {MetadataError}
 */
export function captureOffline(image: Image): Capture {
  const metadata = loadMetadata(image);
  const { superblock, generation } = metadata;
  const { entries, badSlots } = splitTable(metadata.extents());
  return {
    facts: {
      device: storedIdentity(superblock, image.path),
      source: "offline",
      generation,
      health: "unknown",
      // Tells two tables of one generation apart.
      counters: { journal_used: BigInt(metadata.journalUsed) },
      moduleVersion: "",
    },
    entries,
    badSlots,
    degraded: entries.some(({ state }) => state !== "remapped"),
    remarks: metadata.notes,
    content: (losses, signal) =>
      readContent(imageContent(image), entries, {
        blockSectors: superblock.blockSectors,
        losses,
        place: ({ slot }) => slot,
        ...(signal && { signal }),
      }),
  };
}
