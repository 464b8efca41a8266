// SPDX-License-Identifier: GPL-2.0-only
// What the cases of the errors stage are given.
import type { LoopDisk } from "../../loops.ts";
import { CaseBench, type CaseOf, type PartOf } from "../../parts.ts";
import { type Disks, Rig, type RigOptions } from "../../rig.ts";
import type { Scope } from "../../scope.ts";
import type { StageRun } from "../../stage.ts";
import { PromiseWatch } from "./promises.ts";
import { SegmentDisk } from "./segments.ts";

/** Sectors of the disks that the cases share. */
export const MAIN_SECTORS = 2048;
export const SPARE_SECTORS = 512;

/** Without them a case would wait for the retries of every bad sector. */
export const QUICK: readonly string[] = ["volatile", "retries", "1", "retry_delay_ms", "0"];

/** A rig over two disks that can be made to fail. */
export interface FaultRig {
  readonly rig: Rig;
  readonly main: SegmentDisk;
  readonly spare: SegmentDisk;
}

export class ErrorsBench extends CaseBench {
  readonly #watches: PromiseWatch[] = [];

  constructor(
    scope: Scope,
    stage: StageRun,
    /** Disks that never fail. */
    readonly loops: Disks,
  ) {
    super(scope, stage);
  }

  /** A remap device over the given disks, watched until the end of the case. */
  async rigOver(disks: Disks, options: RigOptions = {}): Promise<Rig> {
    const rig = await Rig.make(this.scope, this.dm, disks, { features: QUICK, ...options });
    const watch = new PromiseWatch(rig, options.spareStart ?? 0);
    this.#watches.push(watch);
    await watch.look("a new device");
    return rig;
  }

  /** A remap device whose disks fail where and when a case wants. */
  async rig(options: RigOptions = {}): Promise<FaultRig> {
    const main = await this.segments("main", this.loops.main);
    const spare = await this.segments("spare", this.loops.spare);
    return { rig: await this.rigOver({ main, spare }, options), main, spare };
  }

  segments(purpose: string, below: LoopDisk): Promise<SegmentDisk> {
    return SegmentDisk.make(this.scope, this.dm, purpose, below);
  }

  /** The promises that hold whatever happened; every case ends with them. */
  async checkPromises(what = "after the case"): Promise<void> {
    for (const watch of this.#watches) await watch.look(what);
  }
}

export type ErrorsCase = CaseOf<ErrorsBench>;
/** Cases around one promise. */
export type ErrorsPart = PartOf<ErrorsBench>;
