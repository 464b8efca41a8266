// SPDX-License-Identifier: GPL-2.0-only
// Everything of a metadata area that is sound by itself, whatever has become of the rest.
import { decodeHeader, isLast, isSound, isZero, viewOf } from "./block.ts";
import { type Bounds, type Extent, extentProblem, unpackExtent } from "./extent.ts";
import { BLOCK_ENTRIES, ENTRY_SIZE, HEADER_SIZE } from "./format.ts";
import type { Image } from "./image.ts";
import { type Layout, layoutOf } from "./layout.ts";
import { readBlocks } from "./reader.ts";

/** A sound block of a checkpoint or of the journal. */
export interface SoundBlock {
  readonly extents: readonly Extent[];
  readonly last: boolean;
}

/** What carries one generation and one salt: a checkpoint, and the journal that continues it. */
export interface Group {
  readonly generation: number;
  readonly salt: number;
  /** By index, in each of the two slots. */
  readonly checkpoints: readonly [Map<number, SoundBlock>, Map<number, SoundBlock>];
  readonly journal: Map<number, SoundBlock>;
}

/** What a place holds that holds no sound block of ours. */
export type Hole = "zero" | "damaged" | "unreadable";

export interface Scan {
  readonly layout: Layout;
  /** By {@linkcode groupKey}. */
  readonly groups: ReadonlyMap<string, Group>;
  /** Places of the two checkpoint slots and of the journal without a sound block. */
  readonly holes: readonly [Map<number, Hole>, Map<number, Hole>];
  readonly journalHoles: ReadonlyMap<number, Hole>;
  /** How far each checkpoint slot was read: behind it nothing of ours was found. */
  readonly read: readonly [number, number];
  /** Entries in sound blocks that cannot be. */
  readonly impossible: number;
}

export function groupKey(generation: number, salt: number): string {
  return `${generation}/${salt}`;
}

/** So many places in a row without anything of ours, and the rest of a slot is not looked at. */
const ENOUGH = 1024;

/**
 * Reads the area of a spare range.
 * @param uuid whose blocks count
 * @param least blocks of each checkpoint slot that are read in any case
 */
export function scanArea(
  image: Image,
  bounds: Bounds,
  uuid: string,
  least: readonly [number, number],
): Scan {
  const layout = layoutOf(bounds.spareSectors, bounds.blockSectors);
  const scanner = new Scanner(image, bounds, uuid);
  const slots = ([0, 1] as const).map((slot) =>
    scanner.region("checkpoint", layout.checkpointStart[slot], layout.checkpointBlocks, {
      least: least[slot],
      keep: (group, index, block) => group.checkpoints[slot].set(index, block),
    })
  );
  const journal = scanner.region("journal", layout.journalStart, layout.journalBlocks, {
    least: layout.journalBlocks,
    keep: (group, index, block) => group.journal.set(index, block),
  });
  return {
    layout,
    groups: scanner.groups,
    holes: [slots[0]!.holes, slots[1]!.holes],
    journalHoles: journal.holes,
    read: [slots[0]!.read, slots[1]!.read],
    impossible: scanner.impossible,
  };
}

interface Region {
  readonly holes: Map<number, Hole>;
  readonly read: number;
}

interface RegionOptions {
  readonly least: number;
  readonly keep: (group: Group, index: number, block: SoundBlock) => void;
}

class Scanner {
  readonly groups = new Map<string, Group>();
  impossible = 0;

  constructor(readonly image: Image, readonly bounds: Bounds, readonly uuid: string) {}

  region(
    kind: "checkpoint" | "journal",
    start: number,
    count: number,
    { least, keep }: RegionOptions,
  ): Region {
    const holes = new Map<number, Hole>();
    let foreign = 0;
    let index = 0;
    for (const { bytes } of readBlocks(this.image, start, count)) {
      const hole = this.#take(bytes, kind, index, keep);
      if (hole === undefined) foreign = 0;
      else {
        foreign++;
        holes.set(index, hole);
      }
      index++;
      if (index >= least && foreign >= ENOUGH) break;
    }
    return { holes, read: index };
  }

  #take(
    block: Uint8Array | undefined,
    kind: "checkpoint" | "journal",
    index: number,
    keep: RegionOptions["keep"],
  ): Hole | undefined {
    if (block === undefined) return "unreadable";
    if (!isSound(block, kind)) return isZero(block) ? "zero" : "damaged";
    const { generation, salt } = decodeHeader(block);
    if (!isOurs(block, kind, this.uuid, index)) return "damaged";
    keep(this.#group(generation, salt), index, {
      extents: this.#extents(block, kind),
      last: isLast(block),
    });
    return undefined;
  }

  #group(generation: number, salt: number): Group {
    const key = groupKey(generation, salt);
    let group = this.groups.get(key);
    if (group === undefined) {
      group = { generation, salt, checkpoints: [new Map(), new Map()], journal: new Map() };
      this.groups.set(key, group);
    }
    return group;
  }

  #extents(block: Uint8Array, kind: "checkpoint" | "journal"): Extent[] {
    const view = viewOf(block);
    const extents: Extent[] = [];
    const count = Math.min(decodeHeader(block).count, BLOCK_ENTRIES);
    for (let entry = 0; entry < count; entry++) {
      const extent = unpackExtent(view, HEADER_SIZE + entry * ENTRY_SIZE);
      if (extent !== undefined && extentProblem(this.bounds, extent, kind) === undefined) {
        extents.push(extent);
      } else this.impossible++;
    }
    return extents;
  }
}

function isOurs(
  block: Uint8Array,
  kind: "checkpoint" | "journal",
  uuid: string,
  index: number,
): boolean {
  const header = decodeHeader(block);
  return header.version === 1 && header.uuid === uuid && header.sequence === index &&
    header.count <= BLOCK_ENTRIES && isSound(block, kind);
}
