// SPDX-License-Identifier: GPL-2.0-only
//
// Crash states by the thousand: at every moment of a recording, what may have reached the media.
import { MetadataError } from "../../cli/metadata/problem.ts";
import { Random } from "../../cli/selftest/random.ts";
import { type Choice, formatChoice, parseChoice, randomChoice, subsets, torn } from "./choices.ts";
import { type Images, type Moment, moments } from "./play.ts";
import type { Event } from "./recording.ts";
import { judge, Verdict } from "./verdict.ts";

/** One state in so many gets the checks that take longer. */
const THOROUGH = 40;
/** Of one check. */
const MOST_FAILURES = 3;

export interface Recording {
  /** For `--replay`. */
  readonly name: string;
  readonly events: readonly Event[];
  readonly imagesOf: (image: number) => Images;
}

export interface Failure {
  /** Names the state: recording, moment and choice. */
  readonly state: string;
  readonly check: string;
  readonly message: string;
}

export interface Outcome {
  readonly moments: number;
  readonly states: number;
  readonly failures: readonly Failure[];
  /** How often something out of the ordinary was met. */
  readonly met: ReadonlyMap<string, number>;
}

/** What is looked at for certain, if there are states enough to be had: each spare in every way. */
function certain(moment: Moment, random: Random): Choice[] {
  const volatile = moment.media.flatMap((medium) => medium.volatile);
  const choices: Choice[] = moment.stand.geometry.spares.flatMap((spare) => {
    const own = volatile.filter(({ write }) => write.device === spare.device);
    if (own.length === 0 && spare.device !== moment.stand.geometry.spares[0].device) return [];
    const others = volatile.filter(({ write }) => write.device !== spare.device);
    const whole = others.map((entry) => ({ volatile: entry }));
    const someOfThem = () => random.pick([[], whole, randomChoice(others, random)]);
    return [...subsets(own), ...torn(own, random)].map((choice) => [...choice, ...someOfThem()]);
  });
  const main = volatile.filter(({ write }) => write.device === moment.stand.geometry.main.device);
  const whole = main.map((entry) => ({ volatile: entry }));
  if (main.length > 0) choices.push([], whole, randomChoice(main, random));
  return choices;
}

function anything(moment: Moment, random: Random): Choice {
  return randomChoice(moment.media.flatMap((medium) => medium.volatile), random);
}

/** Looks at one state; what is wrong with it, if something is. */
function judgeChoice(
  moment: Moment,
  choice: Choice,
  thorough: boolean,
): Verdict | undefined {
  for (const medium of moment.media) {
    medium.apply(choice.filter(({ volatile }) => medium.volatile.includes(volatile)));
  }
  try {
    judge(moment.stand, moment.promises, thorough);
    return undefined;
  } catch (error) {
    if (error instanceof Verdict) return error;
    // What the check lets pass must load.
    if (error instanceof MetadataError) return new Verdict("metadata", error.message);
    throw error;
  } finally {
    for (const medium of moment.media) medium.revert();
  }
}

function count(met: Map<string, number>, what: string): void {
  met.set(what, (met.get(what) ?? 0) + 1);
}

/** How many states there are for certain, and at how many moments. */
function survey(
  { events, imagesOf }: Recording,
  seed: number,
): { readonly states: number; readonly moments: number } {
  const random = new Random(seed);
  let states = 0;
  let seen = 0;
  for (const moment of moments(events, imagesOf)) {
    states += certain(moment, random).length;
    seen++;
  }
  return { states, moments: seen };
}

/** So many of these, in their order; more than there are is filled up with random ones. */
function* states(moment: Moment, share: number, extra: number, random: Random): Generator<Choice> {
  for (const [index, choice] of certain(moment, random).entries()) {
    // Nothing reached the medium: at every moment, however few states there are to be.
    if (index === 0 || share >= 1 || random.below(1_000_000) < share * 1_000_000) yield choice;
  }
  for (let index = 0; index < extra; index++) yield anything(moment, random);
}

/** Looks at about `wanted` states of a recording, at all of its moments. */
export function campaign(recording: Recording, wanted: number, seed: number): Outcome {
  const { states: sure, moments: points } = survey(recording, seed);
  const share = wanted / Math.max(1, sure);
  const extra = share > 1 ? Math.ceil((wanted - sure) / Math.max(1, points)) : 0;
  const random = new Random(seed);
  const failures: Failure[] = [];
  const met = new Map<string, number>();
  let looked = 0;
  for (const moment of moments(recording.events, recording.imagesOf)) {
    for (const choice of states(moment, share, extra, random)) {
      looked++;
      if (choice.some(({ mask }) => mask !== undefined)) count(met, "torn writes");
      if (choice.length > 0) count(met, "writes that were not flushed");
      const verdict = judgeChoice(moment, choice, looked % THOROUGH === 0);
      if (verdict === undefined) continue;
      count(met, `a failed ${verdict.check} check`);
      if (failures.filter(({ check }) => check === verdict.check).length >= MOST_FAILURES) continue;
      const state = `${recording.name}:${moment.at}:${formatChoice(choice)}`;
      failures.push({ state, check: verdict.check, message: verdict.message });
    }
  }
  return { moments: points, states: looked, failures, met };
}

/** Looks at the one state that a failure named by moment and choice. */
export function replay(recording: Recording, at: number, choice: string): Verdict | undefined {
  for (const moment of moments(recording.events, recording.imagesOf)) {
    if (moment.at !== at) continue;
    const volatile = moment.media.flatMap((medium) => medium.volatile);
    return judgeChoice(moment, parseChoice(choice, volatile), true);
  }
  throw new Error(`event ${at} is no moment of this recording`);
}
