// SPDX-License-Identifier: GPL-2.0-only
// The report as the fields of a JSON document.
import { countCases, hasPassed, type RunResult, type StageResult } from "./report.ts";

/** Plain data; times in milliseconds, the seed repeats a run. */
export interface ReportFields {
  readonly [key: string]: ReportValue;
}
type ReportValue =
  | string
  | number
  | boolean
  | null
  | undefined
  | readonly ReportValue[]
  | ReportFields;

export function reportFields(runs: readonly RunResult[]): ReportFields {
  const { passed, failed, skipped } = countCases(runs);
  return {
    passed: runs.length > 0 && runs.every(hasPassed),
    counts: { passed, failed, skipped },
    runs: runs.map((run) => ({
      kernel: run.kernel,
      release: run.release,
      place: run.place,
      seed: run.seed,
      passed: hasPassed(run),
      duration_ms: Math.round(run.seconds * 1000),
      stages: run.stages.map(stageFields),
      kernel_complaints: run.complaints,
      trouble: run.trouble,
    })),
  };
}

function stageFields(stage: StageResult): ReportFields {
  return {
    name: stage.name,
    outcome: stage.outcome,
    detail: stage.detail,
    duration_ms: stage.ms,
    cases: stage.cases.map(({ step, name, outcome, ms, detail }) => ({
      step: step === "" ? undefined : step,
      name,
      outcome,
      duration_ms: ms,
      detail,
    })),
    figures: stage.figures.map(({ name, value, unit }) => ({ name, value, unit })),
  };
}
