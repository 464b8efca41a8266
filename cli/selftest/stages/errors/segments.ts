// SPDX-License-Identifier: GPL-2.0-only
// A disk with bad sectors at will, on any kernel: segments of other dm targets, swapped at run time.
import type { DeviceMapper, TargetSpec } from "../../../../ffi/libdevmapper.ts";
import type { LoopDisk } from "../../loops.ts";
import { makeMapped, swapTable, target } from "../../mapped.ts";
import type { Range } from "../../rig.ts";
import type { Scope } from "../../scope.ts";
import { kernelIsAtLeast, notInThisKernel } from "./here.ts";

/** Which requests fail; or writes that are taken and forgotten. */
export type Failing = "all" | "reads" | "writes" | "dropped writes";

export interface BadRange extends Range {
  /** All, unless told otherwise. */
  readonly what?: Failing;
}

/** dm-flakey's length of a period in which everything fails as it was told: for ever. */
const FOR_EVER = 1_000_000_000;

function badSegment(disk: string, { first, count, what = "all" }: BadRange): TargetSpec {
  if (what === "all") return target("error", first, count);
  if (what === "reads" && !kernelIsAtLeast(6, 6)) throw notInThisKernel("dm-flakey error_reads");
  return target("flakey", first, count, `${disk} ${first} 0 ${FOR_EVER} 1 ${FEATURES[what]}`);
}

const FEATURES = {
  reads: "error_reads",
  writes: "error_writes",
  "dropped writes": "drop_writes",
} as const;

/** @param bad ranges in ascending order */
export function segmentTable(
  disk: string,
  sectors: number,
  bad: readonly BadRange[],
): TargetSpec[] {
  const targets: TargetSpec[] = [];
  const linear = (from: number, to: number) => {
    if (to > from) targets.push(target("linear", from, to - from, `${disk} ${from}`));
  };
  let at = 0;
  for (const range of bad) {
    linear(at, range.first);
    targets.push(badSegment(disk, range));
    at = range.first + range.count;
  }
  linear(at, sectors);
  return targets;
}

export class SegmentDisk implements LoopDisk {
  private constructor(
    private readonly dm: DeviceMapper,
    /** As the device mapper knows it. */
    readonly mapped: string,
    readonly path: string,
    readonly name: string,
    /** The disk itself, which never fails. */
    readonly below: LoopDisk,
  ) {}

  static async make(
    scope: Scope,
    dm: DeviceMapper,
    purpose: string,
    below: LoopDisk,
  ): Promise<SegmentDisk> {
    const table = segmentTable(below.path, below.sectors, []);
    const { name, path } = await makeMapped(scope, dm, purpose, table);
    return new SegmentDisk(dm, name, path, `dm-${dm.info(name)?.minor}`, below);
  }

  get sectors(): number {
    return this.below.sectors;
  }
  get blockSize(): number {
    return this.below.blockSize;
  }

  /** Makes these sectors fail, and no others. */
  async fail(bad: readonly BadRange[]): Promise<void> {
    await swapTable(this.dm, this.mapped, segmentTable(this.below.path, this.sectors, bad));
  }

  heal(): Promise<void> {
    return this.fail([]);
  }

  /** Makes everything fail. */
  die(what: Failing = "all"): Promise<void> {
    return this.fail([{ first: 0, count: this.sectors, what }]);
  }
}
