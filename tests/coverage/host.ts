// SPDX-License-Identifier: GPL-2.0-only
//
// What the tests reach of the module and of the tool.
//
//   deno task coverage [kernel] [cli] [report] [--run NAME]... [--seconds N] [--data FOLDER]
//     [--missed]
//
// `kernel` runs guests with an instrumented module (--run: only these), `cli` the unit tests, and
// `report` nothing: it shows what lies in the folder. `--missed`: with each line that was not
// reached. --seconds: a stage that takes longer is stopped, and fails, but what it has reached
// counts. Without words: both.
import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { log } from "../suite/guest/in_guest.ts";
import { KernelMeasurement, total } from "./kernel.ts";
import { byFolder } from "./lcov.ts";
import { GUEST_RUNS } from "./runs.ts";
import { formatMissed, formatSummaries, summarize } from "./summary.ts";
import { measureUnitTests, readProfiles } from "./typescript.ts";

const KMOD = new URL("../../kmod", import.meta.url).pathname;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    data: { type: "string", default: "/var/tmp/dmremap-coverage" },
    run: { type: "string", multiple: true, default: [] },
    seconds: { type: "string" },
    missed: { type: "boolean", default: false },
  },
});
const words = positionals.length === 0 ? ["kernel", "cli"] : positionals;
const unknown = words.find((word) => !["kernel", "cli", "report"].includes(word)) ??
  values.run.find((name) => !GUEST_RUNS.some((run) => run.name === name));
if (unknown !== undefined) throw new Error(`nothing of the name ${unknown}`);

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n\n`));
}

async function reportKernel(measurement: KernelMeasurement): Promise<void> {
  const runs = await measurement.counts();
  const files = summarize(total(runs.values()));
  say(formatSummaries("MODULE", files));
  log(`reached by ${[...runs.keys()].join(", ")}`);
  if (!values.missed) return;
  say(formatMissed(files, (name) => Deno.readTextFileSync(`${KMOD}/${name}`).split("\n")));
}

function hasProfiles(folder: string): boolean {
  return [...Deno.readDirSync(folder)].some(({ name }) => name.endsWith(".json"));
}

async function reportTool(folders: readonly string[]): Promise<void> {
  const files = await readProfiles(folders);
  say(formatSummaries("TOOL", byFolder(files)));
  if (values.missed) {
    say(formatSummaries("FILE", files.filter(({ lines }) => lines.hit < lines.all)));
  }
}

const failures: string[] = [];
const profiles = `${values.data}/profiles`;
if (words.includes("kernel")) {
  const measurement = await KernelMeasurement.open(`${values.data}/kernel`);
  const wanted = values.run;
  if (values.seconds !== undefined) measurement.seconds = Number(values.seconds);
  for (const run of GUEST_RUNS) {
    if (wanted.length > 0 && !wanted.includes(run.name)) continue;
    const failure = await measurement.run(run);
    if (failure !== undefined) failures.push(failure);
  }
}
if (words.includes("cli")) await measureUnitTests(profiles);

const folders = existsSync(profiles) ? [profiles] : [];
if (existsSync(`${values.data}/kernel/runs`)) {
  const measurement = await KernelMeasurement.open(`${values.data}/kernel`);
  await reportKernel(measurement);
  folders.push(...measurement.runs.filter((run) => hasProfiles(run)));
}
if (folders.length > 0) await reportTool(folders);
for (const failure of failures) log(`FAILED ${failure}`);
Deno.exit(failures.length === 0 ? 0 : 1);
