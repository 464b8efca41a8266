// SPDX-License-Identifier: GPL-2.0-only
// The cases of a stage that has many, by subjects.
import type { DeviceMapper } from "../../ffi/libdevmapper.ts";
import type { Scope } from "./scope.ts";
import type { StageRun, StageSettings } from "./stage.ts";

/** A case of a stage whose cases are given a `Bench`. */
export interface CaseOf<Bench> {
  readonly name: string;
  readonly run: (bench: Bench) => Promise<void>;
}

/** Cases around one subject. */
export interface PartOf<Bench> {
  readonly name: string;
  readonly cases: readonly CaseOf<Bench>[];
}

/** What every case is given; each stage adds its own. */
export class CaseBench {
  /** `scope` ends with the case. */
  constructor(readonly scope: Scope, protected readonly stage: StageRun) {}

  get dm(): DeviceMapper {
    return this.stage.dm;
  }
  get workdir(): string {
    return this.stage.workdir;
  }
  get signal(): AbortSignal {
    return this.stage.signal;
  }
  get settings(): StageSettings {
    return this.stage.settings;
  }
  get seed(): number {
    return this.settings.seed;
  }
}

/**
 * Runs them all: `around` makes a bench of a scope, which ends with the case, and runs the case
 * with it.
 */
export async function runAll<Bench>(
  stage: StageRun,
  parts: readonly PartOf<Bench>[],
  around: (scope: Scope, run: CaseOf<Bench>["run"]) => Promise<void>,
  limitMs?: number,
): Promise<void> {
  for (const part of parts) {
    stage.step(part.name);
    for (const { name, run } of part.cases) {
      await stage.case(name, (scope) => around(scope, run), limitMs);
    }
  }
}
