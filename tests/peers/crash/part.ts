// SPDX-License-Identifier: GPL-2.0-only
//
// On the host: a recorded life of a file system, its crash states, and what its own programs say of
// each.
import { ensureKernel } from "../../../cli/lab/kernels.ts";
import { buildRecorder } from "../../crash/record.ts";
import { type Event, parseRecording, recordedBytes } from "../../crash/recording.ts";
import { log, runInGuest } from "../../suite/guest/in_guest.ts";
import type { StateToMount } from "../guest/crash_replay.ts";
import { SEED } from "../layout.ts";
import { DISK_BYTES, IMAGE_BYTES, UNIT } from "./layout.ts";
import { ext4Problem, xfsProblem } from "./native.ts";
import { promisesAt, wholePlan } from "./plan.ts";
import { crashStates, finalImages, type State } from "./states.ts";

/** Of the file that the record goes to; most of it is a hole. */
const RECORD_BYTES = 1 << 30;
/** Failures that are told; they are alike. */
const MOST_FAILURES = 5;

export interface CrashOptions {
  readonly kernel: string;
  readonly module: string | undefined;
  readonly timeoutSeconds: number;
  /** Of each of the workers. */
  readonly operations: number;
  readonly states: number;
}

interface Scene extends CrashOptions {
  readonly fs: "ext4" | "xfs";
  readonly directory: string;
}

async function sparse(path: string, bytes: number): Promise<string> {
  await Deno.writeFile(path, new Uint8Array());
  await Deno.truncate(path, bytes);
  return path;
}

const blocks = { logicalBlockBytes: UNIT * 512, physicalBlockBytes: UNIT * 512 };

const guest = (scene: Scene, part: string, more: readonly string[]) => ({
  program: new URL("../guest/main.ts", import.meta.url).pathname,
  args: ["--part", part, "--file-system", scene.fs, ...more],
  kernel: scene.kernel,
  module: scene.module,
  timeoutSeconds: scene.timeoutSeconds,
});

/** What was written while the file system lived; nothing if the guest has failed. */
async function record(scene: Scene): Promise<Event[] | undefined> {
  const { directory } = scene;
  const kernel = await ensureKernel(scene.kernel, log);
  const module = await buildRecorder(kernel, `${directory}/module`);
  const images = await sparse(`${directory}/images`, DISK_BYTES);
  const path = await sparse(`${directory}/record`, RECORD_BYTES);
  const code = await runInGuest({
    ...guest(scene, "crash-record", ["--operations", `${scene.operations}`]),
    disks: [{ serial: "images", path: images, ...blocks }, { serial: "record", path }],
    share: [`${directory}/module`],
    env: { DMREMAP_WRITE_LOG: module },
  });
  if (code !== 0) return undefined;
  await Deno.truncate(path, recordedBytes(path));
  const events = parseRecording(await Deno.readFile(path));
  const disk = await Deno.readFile(images);
  let at = 0;
  for (const image of finalImages(events)) {
    const seen = disk.subarray(at, at += image.length);
    if (!image.every((byte, index) => byte === seen[index])) {
      throw new Error("the record does not tell all that is on the disk");
    }
  }
  return events;
}

/** True if nothing is wrong. */
function tell(fs: string, states: number, relocated: number, problems: readonly string[]): boolean {
  for (const problem of problems.slice(0, MOST_FAILURES)) log(`FAILED crash-${fs}: ${problem}`);
  log(
    `${fs}: ${states} crash states, ${relocated} relocated sectors in the last one, ` +
      `${problems.length} of them wrong`,
  );
  return problems.length === 0;
}

async function judgeExt4(scene: Scene, events: readonly Event[]): Promise<boolean> {
  const plan = wholePlan(SEED, scene.operations);
  const image = `${scene.directory}/state`;
  const problems: string[] = [];
  let relocated = 0;
  for (const state of crashStates(events, scene.states, SEED)) {
    await Deno.writeFile(image, state.image);
    const expected = promisesAt(plan, state.begun, state.ended);
    const problem = await ext4Problem(image, scene.directory, expected);
    if (problem !== undefined) problems.push(`${state.name}: ${problem}`);
    relocated = state.relocated;
  }
  return tell(scene.fs, scene.states, relocated, problems);
}

async function writeAt(file: Deno.FsFile, at: number, bytes: Uint8Array): Promise<void> {
  await file.seek(at, Deno.SeekMode.Start);
  for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
}

async function judgeXfs(scene: Scene, events: readonly Event[]): Promise<boolean> {
  const { directory } = scene;
  const plan = wholePlan(SEED, scene.operations);
  const path = await sparse(`${directory}/states`, scene.states * IMAGE_BYTES);
  const list: StateToMount[] = [];
  const states: Pick<State, "name" | "relocated">[] = [];
  {
    using file = await Deno.open(path, { write: true });
    for (
      const { name, image, begun, ended, relocated } of crashStates(events, scene.states, SEED)
    ) {
      await writeAt(file, states.length * IMAGE_BYTES, image);
      states.push({ name, relocated });
      list.push({ name, expected: promisesAt(plan, begun, ended) });
    }
  }
  await Deno.mkdir(`${directory}/share`);
  await Deno.writeTextFile(`${directory}/share/list`, JSON.stringify(list));
  const code = await runInGuest({
    ...guest(scene, "crash-replay", ["--states", `${directory}/share/list`]),
    disks: [{ serial: "states", path, ...blocks }],
    share: [`${directory}/share`],
  });
  const problems: string[] = [];
  using file = await Deno.open(path, { read: true });
  for (const { name } of states) {
    const image = new Uint8Array(IMAGE_BYTES);
    for (let at = 0; at < image.length;) at += await file.read(image.subarray(at)) ?? image.length;
    await Deno.writeFile(`${directory}/state`, image);
    const problem = await xfsProblem(`${directory}/state`);
    if (problem !== undefined) problems.push(`${name}: ${problem}`);
  }
  return tell(scene.fs, states.length, states.at(-1)?.relocated ?? 0, problems) && code === 0;
}

/** 0 if nothing is wrong. */
export async function crashPart(fs: "ext4" | "xfs", options: CrashOptions): Promise<number> {
  const directory = await Deno.makeTempDir({ prefix: "dmremap-peers-" });
  try {
    const scene = { ...options, fs, directory };
    const events = await record(scene);
    if (events === undefined) return 1;
    const sound = await (fs === "ext4" ? judgeExt4 : judgeXfs)(scene, events);
    return sound ? 0 : 1;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
