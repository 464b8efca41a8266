// SPDX-License-Identifier: GPL-2.0-only
// What the cases of the functional stage are given.
import { makeLoop } from "../loops.ts";
import { CaseBench, type CaseOf, type PartOf } from "../parts.ts";
import { type Disks, Rig, type RigOptions } from "../rig.ts";
import type { Scope } from "../scope.ts";
import type { StageRun } from "../stage.ts";

/** Sectors of the disks that the cases share. */
export const MAIN_SECTORS = 8192;
export const SPARE_SECTORS = 2048;

export class Bench extends CaseBench {
  constructor(
    scope: Scope,
    readonly disks: Disks,
    stage: StageRun,
    /** Somebody else has loaded the module, and may need it. */
    readonly foreignModule: boolean,
  ) {
    super(scope, stage);
  }

  rig(options: RigOptions = {}, disks = this.disks): Promise<Rig> {
    return Rig.make(this.scope, this.dm, disks, options);
  }

  /** Disks of this case's own. */
  async ownDisks(
    { mainSectors = MAIN_SECTORS, spareSectors = SPARE_SECTORS, mainBlock = 512, spareBlock = 512 }:
      {
        readonly mainSectors?: number;
        readonly spareSectors?: number;
        readonly mainBlock?: 512 | 4096;
        readonly spareBlock?: 512 | 4096;
      },
  ): Promise<Disks> {
    return {
      main: await makeLoop(this.scope, this.workdir, {
        sectors: mainSectors,
        blockSize: mainBlock,
      }),
      spare: await makeLoop(this.scope, this.workdir, {
        sectors: spareSectors,
        blockSize: spareBlock,
      }),
    };
  }
}

export type FunctionalCase = CaseOf<Bench>;
/** One of the parts of the suite, numbered as its users know it. */
export type FunctionalPart = PartOf<Bench>;
