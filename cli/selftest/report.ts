// SPDX-License-Identifier: GPL-2.0-only
// What came of a run, built up from its events.
import type { Figure, Outcome, SelftestEvent } from "./events.ts";

export interface CaseResult {
  readonly step: string;
  readonly name: string;
  readonly outcome: Outcome;
  readonly ms: number;
  readonly detail?: string;
}

export interface StageResult {
  readonly name: string;
  readonly outcome: Outcome;
  /** Why it was skipped, or failed as a whole. */
  readonly detail?: string;
  readonly ms: number;
  readonly cases: readonly CaseResult[];
  readonly figures: readonly Figure[];
}

/** The stages on one kernel. */
export interface RunResult {
  readonly kernel: string;
  /** `uname -r`; empty if it never came up. */
  readonly release: string;
  readonly place: "native" | "guest";
  readonly seed: number;
  readonly stages: readonly StageResult[];
  readonly complaints: readonly string[];
  /** What kept the run from its end. */
  readonly trouble?: string;
  readonly seconds: number;
}

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

interface OpenStage {
  readonly name: string;
  readonly cases: CaseResult[];
  readonly figures: Figure[];
  running: { step: string; name: string } | undefined;
  end: { outcome: Outcome; ms: number; detail?: string } | undefined;
}

/** Takes in the events of one run. */
export class RunRecorder {
  #release = "";
  #ended = false;
  readonly #stages: OpenStage[];
  readonly #complaints: string[] = [];

  constructor(
    private readonly kernel: string,
    private readonly place: "native" | "guest",
    private readonly seed: number,
    stages: readonly string[],
  ) {
    this.#stages = stages.map((name) => ({
      name,
      cases: [],
      figures: [],
      running: undefined,
      end: undefined,
    }));
  }

  take(event: SelftestEvent): void {
    switch (event.event) {
      case "run":
        this.#release = event.release;
        return;
      case "complaint":
        this.#complaints.push(event.text);
        return;
      case "end":
        this.#ended = true;
        return;
    }
    const stage = this.#stages.find(({ name }) => name === event.stage);
    if (stage === undefined) return;
    if (event.event === "case") {
      stage.running = { step: event.step, name: event.name };
    } else if (event.event === "case-end") {
      stage.running = undefined;
      const { step, name, outcome, ms, detail } = event;
      stage.cases.push({ step, name, outcome, ms, ...detail === undefined ? {} : { detail } });
    } else if (event.event === "figure") {
      stage.figures.push({ name: event.name, value: event.value, unit: event.unit });
    } else if (event.event === "stage-end") {
      stage.end = event;
    }
  }

  /** The result, with what never came to its end marked as failed. */
  finish(
    rest: {
      readonly seconds: number;
      readonly complaints?: readonly string[];
      readonly trouble?: string | undefined;
    },
  ): RunResult {
    const trouble = rest.trouble ??
      (this.#ended ? undefined : "the run ended before all its stages had");
    return {
      kernel: this.kernel,
      release: this.#release,
      place: this.place,
      seed: this.seed,
      stages: this.#stages.map(closeStage),
      complaints: [...this.#complaints, ...rest.complaints ?? []],
      ...trouble === undefined ? {} : { trouble },
      seconds: rest.seconds,
    };
  }
}

function closeStage({ name, cases, figures, running, end }: OpenStage): StageResult {
  if (end !== undefined) {
    const detail = end.detail === undefined ? {} : { detail: end.detail };
    return { name, outcome: end.outcome, ms: end.ms, cases, figures, ...detail };
  }
  const started = running !== undefined || cases.length > 0;
  const cut: CaseResult[] = running === undefined ? [] : [
    { ...running, outcome: "failed", ms: 0, detail: "did not come to its end" },
  ];
  return {
    name,
    outcome: started ? "failed" : "skipped",
    detail: started ? "did not come to its end" : "the run ended before it",
    ms: cases.reduce((sum, each) => sum + each.ms, 0),
    cases: [...cases, ...cut],
    figures,
  };
}

/** Whether every stage ran and passed, and the kernel kept quiet. */
export function hasPassed(run: RunResult): boolean {
  return run.trouble === undefined && run.complaints.length === 0 &&
    run.stages.length > 0 && run.stages.every(({ outcome }) => outcome === "passed");
}

/** Cases by their outcome; a stage without cases counts as one. */
export function countCases(runs: readonly RunResult[]): Counts {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const run of runs) {
    for (const stage of run.stages) {
      for (const each of stage.cases) counts[each.outcome]++;
      if (isAlone(stage)) counts[stage.outcome]++;
    }
    if (run.complaints.length > 0) counts.failed++;
    if (run.trouble !== undefined) counts.failed++;
  }
  return counts;
}

/** Whether a stage's outcome is not told by its cases. */
export function isAlone(stage: StageResult): boolean {
  return !stage.cases.some(({ outcome }) => outcome === stage.outcome);
}
