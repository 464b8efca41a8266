// SPDX-License-Identifier: GPL-2.0-only
// Both superblocks are gone. The main device tells its own sizes, the layout follows from the size
// of the spare range, and blocks that stand where it says they should show that this is right.
import { decodeHeader, isSound } from "./block.ts";
import { BLOCK_SECTORS, FORMAT_VERSION, SECTOR_SIZE } from "./format.ts";
import type { Image } from "./image.ts";
import { layoutOf } from "./layout.ts";
import type { Head } from "./repair_head.ts";
import { readBlocks } from "./reader.ts";
import { EMPTY_TABLE, NO_FEATURES, NO_LINK, type Superblock } from "./superblock.ts";

/** What somebody who knows the main device can say. */
export interface KnownMain {
  readonly deviceSectors: number;
  /** Its logical block; unknown of a file. */
  readonly blockSectors?: number;
  /** What identifies it. */
  readonly id?: string;
}

/** So many blocks at the start of each region are looked at. */
const SAMPLE = 256;

/** A superblock for the whole of a main device and the whole of a spare range, if its blocks agree. */
export function headOfKnownMain(image: Image, main: KnownMain): Head | undefined {
  const blockSizes = main.blockSectors === undefined
    ? [1, BLOCK_SECTORS, 2, 4]
    : [main.blockSectors];
  let best: { readonly blocks: number; readonly superblock: Superblock } | undefined;
  for (const blockSectors of blockSizes) {
    const sectors = Math.floor(image.sizeBytes / SECTOR_SIZE);
    const spareSectors = sectors - sectors % blockSectors;
    const found = commonUuid(image, spareSectors, blockSectors);
    if (found === undefined || found.blocks <= (best?.blocks ?? 0)) continue;
    const superblock = superblockOf(found.uuid, blockSectors, spareSectors, main);
    best = { blocks: found.blocks, superblock };
  }
  if (best === undefined) return undefined;
  return { copy: "A", superblock: best.superblock, salt: 0, sound: false, given: true };
}

/** Whose blocks stand in their places, and how many of them do. */
function commonUuid(
  image: Image,
  spareSectors: number,
  blockSectors: number,
): { readonly uuid: string; readonly blocks: number } | undefined {
  const layout = layoutOf(spareSectors, blockSectors);
  if (layout.slots === 0) return undefined;
  const [a, b] = layout.checkpointStart;
  const regions = [
    ["checkpoint", a, layout.checkpointBlocks],
    ["checkpoint", b, layout.checkpointBlocks],
    ["journal", layout.journalStart, layout.journalBlocks],
  ] as const;
  const counts = new Map<string, number>();
  for (const [kind, start, count] of regions) {
    for (const { index, bytes } of readBlocks(image, start, Math.min(count, SAMPLE))) {
      if (bytes === undefined || !isSound(bytes, kind)) continue;
      const { uuid, sequence, version } = decodeHeader(bytes);
      if (sequence !== index || version !== FORMAT_VERSION) continue;
      counts.set(uuid, (counts.get(uuid) ?? 0) + 1);
    }
  }
  const [most] = [...counts].sort(([, a], [, b]) => b - a);
  return most === undefined ? undefined : { uuid: most[0], blocks: most[1] };
}

function superblockOf(
  uuid: string,
  blockSectors: number,
  spareSectors: number,
  main: KnownMain,
): Superblock {
  return {
    uuid,
    blockSectors,
    mainStart: 0,
    mainSectors: main.deviceSectors - main.deviceSectors % blockSectors,
    mainDeviceSectors: main.deviceSectors,
    spareStart: 0,
    spareSectors,
    spareDeviceSectors: spareSectors,
    mainId: main.id ?? "",
    name: "",
    args: "",
    created: 0,
    written: 0,
    sequence: 1,
    // Older than anything that was ever written.
    generation: 0,
    salt: 0,
    ...EMPTY_TABLE,
    ...NO_FEATURES,
    ...NO_LINK,
  };
}
