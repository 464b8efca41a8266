// SPDX-License-Identifier: GPL-2.0-only
//
// Crash states of a recorded life, and of the recoveries from some of them:
//
//   deno task crash [--states N] [--seed S] [--kernel 6.1|6.12|debug|IMAGE] [--module FILE.ko]
//     [--rounds N] [--migrations] [--keep DIRECTORY]
//   deno task crash --again DIRECTORY [--states N] [--seed S]
//   deno task crash --replay DIRECTORY --state NAME
import { parseArgs } from "node:util";
import { ensureKernel } from "../../cli/lab/kernels.ts";
import { messageOf } from "../../cli/selftest/check.ts";
import { log } from "../suite/guest/in_guest.ts";
import { campaign, type Outcome, type Recording, replay } from "./campaign.ts";
import { freshImages } from "./layout.ts";
import { pickCrashes } from "./pick.ts";
import { begins, type Images } from "./play.ts";
import { makeRecording } from "./record.ts";
import { readRecording } from "./store.ts";

const { values } = parseArgs({
  options: {
    states: { type: "string", default: "20000" },
    seed: { type: "string", default: "1" },
    kernel: { type: "string", default: "6.1" },
    module: { type: "string" },
    rounds: { type: "string", default: "2" },
    phases: { type: "string", default: "10" },
    operations: { type: "string", default: "25" },
    crashes: { type: "string", default: "12" },
    migrations: { type: "boolean", default: false },
    keep: { type: "string" },
    again: { type: "string" },
    replay: { type: "string" },
    state: { type: "string" },
  },
});
const seed = Number(values.seed);
const encoder = new TextEncoder();
const print = (text: string) => Deno.stdout.writeSync(encoder.encode(`${text}\n`));

/** Prints what came of a recording; true if nothing is wrong. */
function report({ name, events }: Recording, outcome: Outcome, directory: string): boolean {
  const { states, moments, failures, met } = outcome;
  const rare = [...met].map(([what, count]) => `${count} with ${what}`).join(", ");
  log(
    `${name}: ${states} states at ${moments} moments of ${begins(events).length} operations, ` +
      `seed ${seed}: ${rare}`,
  );
  for (const { state, check, message } of failures) {
    log(`FAILED ${check}: ${message}\n  deno task crash --replay ${directory} --state ${state}`);
  }
  return failures.length === 0;
}

/** Numbers of stamps above all that a recording has used. */
function nextSequence({ events }: Recording): number {
  return Math.max(0, ...begins(events).map(({ sequence }) => sequence ?? 0)) + 1;
}

interface Tally {
  passed: number;
  failed: number;
  states: number;
}

const nameOf = (round: number) => round === 0 ? "life" : `recovery-${round}`;

/** True if nothing is wrong with any state. */
function judgeAll(
  recording: Recording,
  count: number,
  seed: number,
  directory: string,
  tally: Tally,
): boolean {
  const outcome = campaign(recording, count, seed);
  tally.states += outcome.states;
  const sound = report(recording, outcome, directory);
  if (sound) tally.passed++;
  else tally.failed++;
  return sound;
}

/** A life, then recoveries from crashes in it, then recoveries from crashes in those. */
async function rounds(directory: string, tally: Tally): Promise<void> {
  const { kdir } = await ensureKernel(values.kernel, log);
  const count = Number(values.rounds) + 1;
  let images: readonly Images[] = [freshImages(seed)];
  let sequence = 1;
  for (let round = 0; round < count; round++) {
    const life = round === 0;
    const recording = await makeRecording({
      directory,
      name: nameOf(round),
      images,
      seed,
      kernel: values.kernel,
      kdir,
      module: values.module,
      phases: life ? Number(values.phases) : 1,
      operations: life ? Number(values.operations) : 5,
      sequence,
      migrations: values.migrations,
    });
    if (recording === undefined) throw new Error("the guest has failed");
    const share = Math.ceil(Number(values.states) / count);
    if (!judgeAll(recording, share, seed + round, directory, tally)) return;
    images = pickCrashes(recording, Number(values.crashes), seed + round);
    sequence = nextSequence(recording);
  }
}

/** Other states of recordings that were kept. */
async function again(directory: string, tally: Tally): Promise<void> {
  for (let round = 0; round <= Number(values.rounds); round++) {
    const recording = await readRecording(directory, nameOf(round));
    const count = Math.ceil(Number(values.states) / (Number(values.rounds) + 1));
    judgeAll(recording, count, seed + round, directory, tally);
  }
}

async function replayState(directory: string, state: string): Promise<number> {
  const [name = "", at, choice = "none"] = state.split(":");
  const verdict = replay(await readRecording(directory, name), Number(at), choice);
  print(verdict === undefined ? "nothing is wrong" : `${verdict.check}: ${verdict.message}`);
  return verdict === undefined ? 0 : 1;
}

async function main(): Promise<number> {
  if (values.replay !== undefined) return await replayState(values.replay, values.state ?? "");
  const directory = values.again ?? values.keep ??
    await Deno.makeTempDir({ prefix: "dmremap-crash-" });
  await Deno.mkdir(directory, { recursive: true });
  const tally: Tally = { passed: 0, failed: 0, states: 0 };
  try {
    await (values.again === undefined ? rounds : again)(directory, tally);
  } catch (error) {
    log(`FAILED ${messageOf(error)}`);
    tally.failed++;
  }
  if (tally.failed > 0) log(`the recordings are in ${directory}`);
  else if (values.keep === undefined && values.again === undefined) {
    await Deno.remove(directory, { recursive: true });
  }
  log(`${tally.states} crash states, seed ${seed}`);
  print(`${tally.passed} passed, ${tally.failed} failed`);
  return tally.failed === 0 ? 0 : 1;
}

Deno.exit(await main());
