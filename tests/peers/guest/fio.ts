// SPDX-License-Identifier: GPL-2.0-only
//
// fio over disks with 300 bad sectors: it writes, reads back and judges, in all of its ways to verify.
import { scanMessage } from "../../../cli/device/messages.ts";
import { check, checkEqual, checkMatch } from "../../../cli/selftest/check.ts";
import { DirectFile } from "../../../ffi/direct_file.ts";
import {
  type BadBlock,
  badBlocks,
  type Layout,
  LAYOUTS,
  MAIN_SECTORS,
  SPARE_SECTORS,
  strikes,
} from "../../badblocks/layout.ts";
import { run } from "../../suite/guest/process.ts";
import { progress } from "../../suite/guest/records.ts";
import { engineJobs, type Job, judgeRun, modeJobs, parseModes, regionOf } from "../fio_jobs.ts";
import { SEED } from "../layout.ts";
import { Remapped } from "./remapped.ts";
import { dropCaches, type PartContext, sleep } from "./steps.ts";

const SECTOR_BYTES = 512;

interface Scene {
  readonly layout: Layout;
  readonly disk: Remapped;
  readonly bad: readonly BadBlock[];
}

/** What of fio's report is judged. */
async function fio(path: string, jobs: readonly Job[], ...more: readonly string[]) {
  const output = `/tmp/fio-${crypto.randomUUID()}.json`;
  const common = [
    ...["--output-format=json", `--output=${output}`, "--thread", `--filename=${path}`],
    ...["--direct=1", "--randseed=1", "--group_reporting=0", "--verify_state_save=0", ...more],
  ];
  const { code, stderr } = await new Deno.Command("fio", {
    args: [...common, ...jobs.flatMap(({ name, options }) => [`--name=${name}`, ...options])],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    cwd: "/tmp",
  }).output();
  const text = await Deno.readTextFile(output);
  await Deno.remove(output);
  const said = new TextDecoder().decode(stderr).slice(0, 2000);
  // Messages of fio may come before its report.
  const start = text.indexOf("{");
  if (start < 0) throw new Error(`fio, exit code ${code}, has no report: ${said}`);
  const report: unknown = JSON.parse(text.slice(start));
  return { code, report, said };
}

/** All jobs go well, and have read back what they wrote. */
async function verified(path: string, jobs: readonly Job[], ...more: readonly string[]) {
  const { code, report, said } = await fio(path, jobs, "--verify_fatal=1", ...more);
  const verdicts = judgeRun(report, jobs, more.includes("--verify_only"));
  checkEqual(`jobs that went wrong (exit code ${code}; ${said})`, verdicts, []);
  checkEqual("fio's exit code", code, 0);
}

/** What cannot be read is known to the target, so that writes to it are relocated. */
async function scan({ disk, bad, layout }: Scene): Promise<void> {
  await disk.device.send(scanMessage({ start: 0n, end: BigInt(MAIN_SECTORS - 1) }));
  for (let tries = 0;; tries++) {
    const reply = await disk.device.send(scanMessage("status"));
    const [, state] = checkMatch("the scan's status", reply, /^scan=(\w+) /);
    if (state !== "running") {
      checkEqual("the scan's end", state, "done");
      break;
    }
    check("the scan ends", tries < 2400, { expected: "within 2 minutes", seen: reply });
    await sleep(50);
  }
  const unreadable = bad.filter(({ fault }) => strikes(fault, "read")).length * layout.unit;
  checkEqual("sectors that are pending", disk.counters().pending, unreadable);
}

/** Of what the jobs wrote, the bad sectors are on the spare, and nothing else is. */
async function checkRelocated(scene: Scene, jobs: readonly Job[]): Promise<void> {
  const { disk, bad, layout } = scene;
  const badIn = (some: readonly Job[]) => {
    const regions = some.map(regionOf);
    return bad.filter(({ sector }) =>
      regions.some(({ first, count }) => sector >= first && sector < first + count)
    ).flatMap(({ sector }) => Array.from({ length: layout.unit }, (_, i) => sector + i));
  };
  const relocated = new Set(await disk.relocated());
  // A job that writes some blocks twice leaves others out.
  const written = badIn(jobs.filter(({ overlaps }) => !overlaps));
  const missing = written.filter((sector) => !relocated.has(sector));
  checkEqual("bad sectors that were written and are not relocated", missing.slice(0, 8), []);
  const surplus = relocated.difference(new Set(badIn(jobs)));
  checkEqual("relocated sectors that are not bad, or not written", [...surplus].slice(0, 8), []);
  disk.checkRelocations(written.length);
  progress(`${layout.name}: ${relocated.size} sectors relocated under fio`);
}

/** fio finds in each job's part that one block is not what it wrote: its checks do check. */
async function spoiled({ disk }: Scene, jobs: readonly Job[]): Promise<void> {
  {
    using file = DirectFile.open(disk.path, { write: true });
    for (const job of jobs) {
      const { first, count } = regionOf(job);
      const at = first + Math.floor(count / job.blockSectors / 2) * job.blockSectors;
      await file.write(
        BigInt(at * SECTOR_BYTES),
        new Uint8Array(job.blockSectors * SECTOR_BYTES).fill(0x5a),
      );
    }
  }
  const { report } = await fio(disk.path, jobs, "--verify_only", "--continue_on_error=verify");
  const noticed = judgeRun(report, jobs, true).map((verdict) => verdict.split(":")[0]);
  checkEqual(
    "jobs that notice a block that was overwritten",
    noticed,
    jobs.map(({ name }) => name),
  );
}

async function onDisk({ dm, full, step }: PartContext, layout: Layout): Promise<void> {
  await using disk = await Remapped.create(dm, {
    name: `fio-${layout.name}`,
    main: await Deno.realPath(`/dev/lab/${layout.name}`),
    mainStart: layout.mainStart,
    sectors: MAIN_SECTORS,
    spare: await Deno.realPath(`/dev/lab/${layout.name}-spare`),
    spareSectors: SPARE_SECTORS,
  });
  const scene: Scene = { layout, disk, bad: badBlocks(layout, SEED) };
  const modes = parseModes(await run("fio", "--cmdhelp=verify"));
  const sums = modeJobs(modes, layout.unit, full ? 2 : 1);
  const engines = engineJobs(layout.unit);
  const named = (what: string) => `${layout.name}: ${what}`;
  await step(named("what cannot be read is found"), () => scan(scene));
  await step(named(`${sums.length} ways to verify: ${modes.join(" ")}`), async () => {
    await verified(disk.path, sums);
    await checkRelocated(scene, sums);
  });
  await step(named("engines, block sizes, asynchronous, with backlog"), async () => {
    await verified(disk.path, engines);
    await checkRelocated(scene, [...sums, ...engines]);
  });
  const repeatable = [...sums, ...engines.filter(({ overlaps }) => !overlaps)];
  await step(named("the same content and the same table in the next life"), async () => {
    await disk.again();
    await dropCaches();
    await verified(disk.path, repeatable, "--verify_only");
  });
  await step(named("each way notices a block that is wrong"), () => spoiled(scene, sums));
}

export async function fioPart(context: PartContext): Promise<void> {
  for (const layout of LAYOUTS) {
    const exists = await Deno.stat(`/dev/lab/${layout.name}`).then(() => true, () => false);
    if (exists) await onDisk(context, layout);
  }
}
