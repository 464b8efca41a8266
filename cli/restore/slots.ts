// SPDX-License-Identifier: GPL-2.0-only
// What trusted slots hold, beside what the snapshot has.
import {
  type ContentLosses,
  imageContent,
  noLosses,
  readContent,
} from "../device/capture_content.ts";
import type { Image } from "../metadata/image.ts";
import type { SlotData, SnapshotHead, Store } from "../store/types.ts";
import { compareContent } from "./content.ts";
import { sumSpans } from "./summary.ts";
import type { Decision } from "./types.ts";

/** In sectors. What the snapshot has no content of is in none of them. */
export interface SlotComparison {
  readonly equal: number;
  readonly differing: number;
  readonly unreadable: number;
}

/** Looks into the slots of an old spare that are to be kept. */
export async function compareSlots(
  store: Store,
  head: SnapshotHead,
  image: Image,
  decisions: readonly Decision[],
): Promise<SlotComparison> {
  const losses = noLosses();
  const { blockSectors } = head.device;
  const content = keptContent(image, decisions, blockSectors, losses);
  const { equal, differing } = await compareContent(store.data(head.id), content, blockSectors);
  return {
    equal: sumSpans(equal),
    differing: sumSpans(differing),
    unreadable: losses.unreadableSectors,
  };
}

/** What the slots that are kept hold, as far as they can be read. */
export function keptContent(
  image: Image,
  decisions: readonly Decision[],
  blockSectors: number,
  losses: ContentLosses = noLosses(),
): AsyncIterable<SlotData> {
  const kept = decisions.filter(({ fate }) => fate === "kept")
    .map(({ first, length, slot }) => ({ first, length, slot, state: "remapped" as const }));
  return readContent(imageContent(image), kept, {
    blockSectors,
    losses,
    place: ({ slot }) => slot,
  });
}
