// SPDX-License-Identifier: GPL-2.0-only
//
// Mutants, one after the other in each of a few lanes.
import { failureLines } from "../suite/failures.ts";
import { runCommand } from "./command.ts";
import { type Ended, isGreen, judgeMutant, noticedBy } from "./judge.ts";
import type { Mutant } from "./patch.ts";
import type { Outcome } from "./report.ts";
import { applyTo, copyOf, type Place } from "./tree.ts";
import { Workshop } from "./workshop.ts";

export interface GateOptions {
  /** The repository. */
  readonly root: string;
  readonly lanes: number;
  /** Whether each command has to pass without any change first. */
  readonly baseline: boolean;
  readonly signal: AbortSignal;
  /** Told a line about each mutant. */
  readonly log: (line: string) => void;
}

/** A command without any change may take longer than one that ends at its first failure. */
const BASELINE_FACTOR = 2;

async function inLanes<T>(
  lanes: number,
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  const lane = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  // Each lane takes away what is its own, also if another one has failed.
  const ends = await Promise.allSettled(Array.from({ length: lanes }, lane));
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}

function run(mutant: Mutant, place: Place, factor: number, options: GateOptions): Promise<Ended> {
  return runCommand(mutant.command, {
    cwd: place.tree,
    env: place.env,
    limitSeconds: mutant.limitSeconds * factor,
    enough: (output) => noticedBy(mutant, output) !== undefined,
    signal: options.signal,
  });
}

async function tryMutant(
  mutant: Mutant,
  workshop: Workshop,
  options: GateOptions,
): Promise<Outcome> {
  const started = performance.now();
  const outcome = (rest: Omit<Outcome, "mutant" | "seconds">): Outcome => ({
    mutant,
    seconds: (performance.now() - started) / 1000,
    ...rest,
  });
  const changesModule = mutant.files.some((path) => path.startsWith("kmod/"));
  await using place = await copyOf(options.root, !changesModule);
  const against = await applyTo(place.tree, mutant);
  if (against !== undefined) return outcome({ verdict: "does not apply", by: against, why: [] });
  if (changesModule) await workshop.build(mutant, place, options.signal);
  const ended = await run(mutant, place, 1, options);
  options.signal.throwIfAborted();
  const judgement = judgeMutant(mutant, ended);
  const why = judgement.verdict === "caught" ? [] : failureLines(ended.output);
  return outcome({ ...judgement, why });
}

/** @returns why each command fails that does so without any change; by its words */
async function redCommands(
  mutants: readonly Mutant[],
  options: GateOptions,
): Promise<Map<string, readonly string[]>> {
  const red = new Map<string, readonly string[]>();
  const distinct = new Map(mutants.map((mutant) => [mutant.command.join("\0"), mutant]));
  await inLanes(options.lanes, [...distinct.values()], async (mutant) => {
    await using place = await copyOf(options.root, true);
    const ended = await run(mutant, place, BASELINE_FACTOR, options);
    options.signal.throwIfAborted();
    const green = isGreen(ended);
    options.log(`${green ? "green" : "RED"}: ${mutant.command.join(" ")}`);
    if (!green) red.set(mutant.command.join("\0"), failureLines(ended.output));
  });
  return red;
}

/** Tries the mutants; outcomes are in their order. */
export async function runGate(
  mutants: readonly Mutant[],
  options: GateOptions,
): Promise<Outcome[]> {
  const red = options.baseline ? await redCommands(mutants, options) : new Map();
  const outcomes = new Map<Mutant, Outcome>();
  await using workshop = await Workshop.open();
  await inLanes(options.lanes, mutants, async (mutant) => {
    const why = red.get(mutant.command.join("\0"));
    const outcome: Outcome = why === undefined
      ? await tryMutant(mutant, workshop, options)
      : { mutant, verdict: "baseline red", by: mutant.command.join(" "), seconds: 0, why };
    options.log(`${mutant.name}: ${outcome.verdict} (${outcome.seconds.toFixed(0)} s)`);
    outcomes.set(mutant, outcome);
  });
  return mutants.flatMap((mutant) => outcomes.get(mutant) ?? []);
}
