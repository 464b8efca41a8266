// SPDX-License-Identifier: GPL-2.0-only
// What the cases about disks that are unplugged are given.
import { DirectFile } from "../../../../ffi/direct_file.ts";
import type { TargetSpec } from "../../../../ffi/libdevmapper.ts";
import { checkEqual } from "../../check.ts";
import { Content } from "../../content.ts";
import type { LoopDisk } from "../../loops.ts";
import { CaseBench, type CaseOf, type PartOf } from "../../parts.ts";
import { SECTOR } from "../../pattern.ts";
import { type Disks, type Range, remapTarget, Rig } from "../../rig.ts";
import { Scope } from "../../scope.ts";
import type { StageRun } from "../../stage.ts";
import { PromiseWatch, readStats } from "../errors/promises.ts";
import { layoutOn } from "../persistence/view.ts";
import { STRIPE } from "./load.ts";

/** Sectors of both disks: so many as scsi_debug's smallest has. */
export const SECTORS = 2048;

const FEATURES = ["max_remaps", "0", "retries", "1", "retry_delay_ms", "0"];

/** Whole stripes, parts of others, and most of the device not at all. */
export const RELOCATED: readonly Range[] = Array.from(
  { length: SECTORS / STRIPE },
  (_, index) => ({ index, first: index * STRIPE }),
).flatMap(({ index, first }) => {
  if (Math.floor(index / 4) % 4 === 1) return [{ first, count: STRIPE }];
  return Math.floor(index / 4) % 4 === 2 ? [{ first: first + 20, count: 8 }] : [];
});

export const RELOCATED_SECTORS = RELOCATED.reduce((sum, { count }) => sum + count, 0);

const relocated = new Set(
  RELOCATED.flatMap(({ first, count }) => Array.from({ length: count }, (_, at) => first + at)),
);

/** All of them in one transaction. */
export async function relocateAll(rig: Rig): Promise<void> {
  const ranges = RELOCATED.map(({ first, count }) => `${first} ${count}`).join(" ");
  const reply = await rig.send(`remap ${ranges}`);
  checkEqual("remap of all at once", reply, `remapped=${RELOCATED_SECTORS} lost=0`);
}

/** Does a request need the spare? */
export function needsSpare(first: number, count: number): boolean {
  return sectorsOf(first, count).some((sector) => relocated.has(sector));
}

/** Does a request need main? */
export function needsMain(first: number, count: number): boolean {
  return sectorsOf(first, count).some((sector) => !relocated.has(sector));
}

function sectorsOf(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, at) => first + at);
}

export interface LifeOptions {
  /** Its table ends in the middle, and with it what that has counted. */
  readonly countsAnew?: boolean;
}

export class HotplugBench extends CaseBench {
  constructor(
    scope: Scope,
    stage: StageRun,
    /** Disks that are always there. */
    readonly loops: Disks,
  ) {
    super(scope, stage);
  }

  /** A device over the disks while `body` runs; filled, and with relocated sectors, if it is new. */
  async life<T>(
    disks: Disks,
    content: Content,
    body: (rig: Rig) => Promise<T>,
    { countsAnew = false }: LifeOptions = {},
  ): Promise<T> {
    await using scope = new Scope(this.scope.signal);
    const fill = content.generation(0) === 0;
    const rig = await Rig.make(scope, this.dm, disks, { features: FEATURES, content, fill });
    const newWatch = () => new PromiseWatch(rig, layoutOn(disks.spare.sectors, 512).slotsStart);
    const watch = newWatch();
    if (fill) {
      await relocateAll(rig);
      // What main has below a relocated sector must never be seen again.
      await rig.write(0, rig.length);
    }
    await watch.look("at its begin");
    const result = await body(rig);
    await (countsAnew ? newWatch() : watch).look("at its end");
    return result;
  }

  /** The loop device, without what a case before has left there. */
  async blankSpare(): Promise<LoopDisk> {
    const { spare } = this.loops;
    using file = DirectFile.open(spare.path, { write: true });
    await file.write(0n, new Uint8Array(spare.sectors * SECTOR));
    return spare;
  }

  newContent(): Content {
    return new Content(SECTORS);
  }

  /** The line of a rig with other disks in it. */
  lineOver(disks: Disks): TargetSpec {
    return remapTarget({
      main: disks.main.path,
      spare: disks.spare.path,
      spareLength: disks.spare.sectors,
      features: FEATURES,
    }, SECTORS);
  }
}

/** Some counters that no disk that is merely away may change. */
export async function countersOf(rig: Rig): Promise<Readonly<Record<string, number>>> {
  const stats = await readStats(rig);
  const keys = ["remapped", "lost", "pending", "spare_bad", "spare_used", "auto_remaps"];
  return Object.fromEntries(keys.map((key) => [key, Number(stats.get(key) ?? -1)]));
}

export type HotplugCase = CaseOf<HotplugBench>;
/** Cases around one disk. */
export type HotplugPart = PartOf<HotplugBench>;
