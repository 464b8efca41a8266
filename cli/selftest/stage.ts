// SPDX-License-Identifier: GPL-2.0-only
// What a stage is, and how it runs: case by case, each with a scope of its own.
import type { DeviceMapper } from "../../ffi/libdevmapper.ts";
import type { GuestDisk } from "../lab/guest.ts";
import { messageOf } from "./check.ts";
import type { Emit, Outcome } from "./events.ts";
import type { ProgramName } from "./programs.ts";
import { Scope } from "./scope.ts";

/** How hard and how long. */
export interface StageSettings {
  readonly seed: number;
  /** Of the stress stage's main part. */
  readonly stressSeconds: number;
  readonly stressWorkers: number;
  /** Of each fio job of the performance stage. */
  readonly performanceSeconds: number;
  /** Whether to measure where nothing is judged. */
  readonly figures: boolean;
  /** Loads and unloads, device lives, rounds of I/O in the leak stage. */
  readonly leakRounds: number;
  /** Only cases with one of these in their names, and what they build on; none: all of them. */
  readonly cases: readonly string[];
}

export const DEFAULT_SETTINGS: Omit<StageSettings, "seed"> = {
  stressSeconds: 30,
  stressWorkers: 8,
  performanceSeconds: 2,
  figures: true,
  leakRounds: 20,
  cases: [],
};

export interface Stage {
  readonly name: string;
  /** One line for `selftest list`. */
  readonly summary: string;
  /** Without these it is skipped. */
  readonly programs: readonly ProgramName[];
  /** What a virtual machine gets for it. */
  readonly guestDisks?: readonly GuestDisk[];
  run(stage: StageRun): Promise<void>;
}

/** Thrown by a stage or a case that cannot run here. */
export class SkipError extends Error {
  override readonly name: string = "SkipError";
}

/** A case for other machines or kernels: that it is skipped takes nothing from the stage. */
export class ElsewhereError extends SkipError {
  override readonly name = "ElsewhereError";

  constructor(what: string) {
    super(`not here: ${what}`);
  }
}

/** The rest of a stage makes no sense after a failed case. */
class StoppedError extends Error {
  override readonly name = "StoppedError";
}

/** A case did not end: its I/O hangs, and whatever comes next would hang as well. */
export class HungError extends Error {
  override readonly name = "HungError";
}

/** A stage while it runs. */
export interface StageContext {
  readonly dm: DeviceMapper;
  /** An empty directory of this run's own. */
  readonly workdir: string;
  readonly settings: StageSettings;
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

type Body = (scope: Scope) => Promise<void>;

/** How long a case may take before it counts as hung: the debug kernel takes its time. */
const CASE_LIMIT_MS = 600_000;

export class StageRun {
  #failed = 0;
  #skipped = 0;
  #chosen = 0;
  #step = "";

  constructor(
    readonly name: string,
    readonly context: StageContext,
    /** What all cases share; it ends with the stage. */
    readonly scope: Scope,
  ) {}

  get dm(): DeviceMapper {
    return this.context.dm;
  }
  get settings(): StageSettings {
    return this.context.settings;
  }
  get signal(): AbortSignal {
    return this.context.signal;
  }
  get workdir(): string {
    return this.context.workdir;
  }
  get outcome(): Outcome {
    if (this.#failed > 0) return "failed";
    return this.#skipped > 0 ? "skipped" : "passed";
  }

  /** Cases from here on belong to this part of the stage. */
  step(name: string): void {
    this.#step = name;
  }

  figure(name: string, value: number, unit: string): void {
    this.context.emit({ event: "figure", stage: this.name, name, value, unit });
  }

  /** Runs a case, if it is wanted; the stage goes on after a failure. Says whether to go on. */
  async case(name: string, body: Body, limitMs?: number): Promise<boolean> {
    if (!this.#isWanted(name)) return true;
    this.#chosen++;
    return await this.#run(name, body, limitMs);
  }

  #isWanted(name: string): boolean {
    const { cases } = this.settings;
    return cases.length === 0 || cases.some((text) => name.includes(text));
  }

  /** @throws {Error} if not one case was wanted: what never ran has not passed */
  checkChoice(): void {
    if (this.settings.cases.length === 0 || this.#chosen > 0) return;
    throw new Error(`no case has ${this.settings.cases.map((text) => `"${text}"`).join(" or ")}`);
  }

  async #run(name: string, body: Body, limitMs: number = CASE_LIMIT_MS): Promise<boolean> {
    this.signal.throwIfAborted();
    const { emit } = this.context;
    const place = { stage: this.name, step: this.#step, name };
    emit({ event: "case", ...place });
    const start = performance.now();
    const error = await this.#attempt(body, limitMs);
    this.signal.throwIfAborted();
    const ms = Math.round(performance.now() - start);
    if (error === undefined) {
      emit({ event: "case-end", ...place, outcome: "passed", ms });
      return true;
    }
    const outcome = error instanceof SkipError ? "skipped" : "failed";
    if (outcome === "failed") this.#failed++;
    else if (!(error instanceof ElsewhereError)) this.#skipped++;
    emit({ event: "case-end", ...place, outcome, ms, detail: describe(error) });
    if (error instanceof HungError) throw error;
    return false;
  }

  /** Runs a case that the rest of the stage builds on. */
  async must(name: string, body: Body, limitMs?: number): Promise<void> {
    if (this.#isWanted(name)) this.#chosen++;
    if (!await this.#run(name, body, limitMs)) throw new StoppedError(`"${name}" failed`);
  }

  async #attempt(body: Body, limitMs: number): Promise<unknown> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const hung = new Promise<never>((_resolve, reject) => {
      const error = new HungError(`did not end within ${limitMs / 1000} s`);
      timer = setTimeout(() => reject(error), limitMs);
    });
    try {
      await Promise.race([inScope(body, this.signal), hung]);
      return undefined;
    } catch (error) {
      return error ?? new Error("failed without a reason");
    } finally {
      clearTimeout(timer);
    }
  }
}

async function inScope(body: Body, signal: AbortSignal): Promise<void> {
  await using scope = new Scope(signal);
  await body(scope);
}

/** Runs a stage from its start to its end, and tells how it went. */
export async function runStage(stage: Stage, context: StageContext): Promise<Outcome> {
  const { emit } = context;
  emit({ event: "stage", stage: stage.name });
  const start = performance.now();
  const [outcome, detail] = await attemptStage(stage, context);
  context.signal.throwIfAborted();
  emit({
    event: "stage-end",
    stage: stage.name,
    outcome,
    ms: Math.round(performance.now() - start),
    ...detail === undefined ? {} : { detail },
  });
  return outcome;
}

async function attemptStage(
  stage: Stage,
  context: StageContext,
): Promise<[outcome: Outcome, detail?: string]> {
  let outcome: Outcome = "failed";
  try {
    await using scope = new Scope(context.signal);
    const run = new StageRun(stage.name, context, scope);
    try {
      await stage.run(run);
    } catch (error) {
      if (!(error instanceof StoppedError)) throw error;
    }
    if (run.outcome === "passed") run.checkChoice();
    outcome = run.outcome;
  } catch (error) {
    context.signal.throwIfAborted();
    if (error instanceof HungError) throw error;
    return [error instanceof SkipError ? "skipped" : "failed", describe(error)];
  }
  return [outcome];
}

/** An error in words, with what led to it and what could not be tidied up after it. */
function describe(error: unknown): string {
  if (error instanceof SuppressedError) {
    return `${describe(error.suppressed)}\n${describe(error.error)}`;
  }
  return messageOf(error);
}
