// SPDX-License-Identifier: GPL-2.0-only
/**
 * `deno task test [--full] [STEP...]`: every test of this repository, in an order in which the cheap
 * ones come first; with --full as much of each as is left to long campaigns otherwise. Sets up what
 * it needs, and says the names of packages before it installs them. The last line is `N passed, N
 * failed`, and before it stands what the failed steps have said. A step that cannot run has failed.
 */
import { join } from "node:path";
import { ensureKernel } from "../cli/lab/kernels.ts";
import {
  ensurePackages,
  GUEST_PACKAGES,
  KERNEL_BUILD_PACKAGES,
  STAGE_PACKAGES,
} from "../cli/lab/packages.ts";
import { FUZZER_PACKAGES } from "./fuzz/native.ts";
import { runCheck, runSuite, say } from "./suite/command.ts";
import { type Counts, sum } from "./suite/counts.ts";
import { failureLines } from "./suite/failures.ts";
import { buildWithoutWarnings } from "./suite/module_build.ts";

interface Step {
  readonly name: string;
  readonly run: () => Promise<Counts>;
}

const root = join(import.meta.dirname ?? ".", "..");
const deno = Deno.execPath();
const reports = await Deno.makeTempDir({ prefix: "dmremap-test-" });
const PASSED: Counts = { passed: 1, failed: 0 };
const log = (line: string) => say(`${line}\n`);
const full = Deno.args.includes("--full");
/** Arguments for the usual run, or for the full one. */
const either = (usual: readonly string[], whole: readonly string[]) => full ? whole : usual;

const minutes = (count: number) => ({ cwd: root, timeoutSeconds: count * 60 });
const check = (...command: string[]) => () => runCheck(command, minutes(20));
const suite = (limit: number, ...command: string[]) => () => runSuite(command, minutes(limit));
const program = (limit: number, path: string, ...args: string[]) =>
  suite(limit, deno, "run", "-A", path, ...args);

/** What is left away on a kernel, and why nothing is lost by that. */
type Elsewhere = Readonly<Record<string, string>>;

/** The random choices are the same in every run but a full one: a failure can be repeated. */
const selftest = (kernel: string, elsewhere: Elsewhere = {}, ...more: string[]) => () => {
  const junit = `${reports}/selftest-${kernel}.xml`;
  const command = ["dist/dmremap-ts", "selftest", "--vm", "--kernel", kernel, "--junit", junit];
  const fewer: string[] = [];
  for (const [stage, why] of Object.entries(full ? {} : elsewhere)) {
    log(`not here: ${stage}: ${why}`);
    fewer.push("--exclude", stage);
  }
  const less = either(["--seed", "1", ...fewer, ...more], []);
  return runSuite([...command, ...less], { ...minutes(60), junit });
};

const NOT_ON_6_12: Elsewhere = {
  corruption: "reads bytes, whatever the kernel: on 6.1",
  files: "`badblocks 6.12` has ext4 on top; on 6.1",
  snapshot: "the tool's own files, whatever the kernel: on 6.1",
  leak: "the same accounts as on 6.1; kmemleak on the debug kernel",
};
const NOT_ON_DEBUG: Elsewhere = {
  corruption: "on 6.1; `fuzz kernel` reads damaged metadata under KASAN",
  snapshot: "the tool's own files, whatever the kernel: on 6.1",
};

/** Of the packed file, which is what people have. */
const conformance = () =>
  runSuite([deno, "test", "-A", "tests/conformance"], {
    ...minutes(25),
    env: { DMREMAP_BIN: join(root, "dist/dmremap-ts") },
  });

const kernel = (id: string) => async () => {
  await ensureKernel(id, log);
  return PASSED;
};

/** What only the tests use: shells for completions, readers of man pages, a fuzzer, ddrescue. */
const TEST_PACKAGES = [
  ...["bash", "zsh", "fish", "man-db", "groff", "bsdutils", "gddrescue"],
  ...FUZZER_PACKAGES,
];

async function installPackages(): Promise<Counts> {
  await ensurePackages([
    ...GUEST_PACKAGES,
    ...STAGE_PACKAGES,
    ...KERNEL_BUILD_PACKAGES,
    ...TEST_PACKAGES,
  ], log);
  return PASSED;
}

/** Tests that are a step of their own. All others run as one step, wherever they lie. */
const NOT_UNIT = ["tests/conformance", "tests/vm"];
const UNIT = [
  `--ignore=${NOT_UNIT.join(",")}`,
  ...either(["--preload", "tests/suite/same_choices.ts"], []),
];

const DEBUG = ["--kernel", "debug"] as const;
const operations = (count: number) => ["--operations", `${count}`];

/** The whole run: add a line to add a step. */
const STEPS: readonly Step[] = [
  { name: "packages", run: installPackages },
  { name: "check", run: check(deno, "task", "check") },
  { name: "unit", run: suite(20, deno, "test", "-A", ...UNIT) },
  { name: "kernel 6.1", run: kernel("6.1") },
  { name: "kernel 6.12", run: kernel("6.12") },
  { name: "kernel debug", run: kernel("debug") },
  { name: "module 6.1", run: () => buildWithoutWarnings(root, "6.1") },
  { name: "module 6.12", run: () => buildWithoutWarnings(root, "6.12") },
  { name: "module debug", run: () => buildWithoutWarnings(root, "debug") },
  { name: "pack", run: check(deno, "task", "pack") },
  { name: "packed file", run: program(10, "tests/pack/run.ts", "dist/dmremap-ts") },
  { name: "conformance", run: conformance },
  { name: "lab", run: suite(20, deno, "test", "-A", "tests/vm") },
  { name: "ffi", run: program(20, "tests/ffi/host.ts") },
  { name: "documents", run: program(30, "tests/docs/host.ts") },
  { name: "backup", run: program(20, "tests/backup/host.ts") },
  { name: "restore", run: program(20, "tests/restore/host.ts") },
  { name: "boot", run: program(30, "tests/boot/host.ts") },
  { name: "selftest 6.1", run: selftest("6.1") },
  { name: "selftest 6.12", run: selftest("6.12", NOT_ON_6_12, "--no-figures", "--duration", "10") },
  {
    name: "selftest debug",
    run: selftest("debug", NOT_ON_DEBUG, "--no-figures", "--duration", "10"),
  },
  { name: "model", run: program(40, "tests/model/host.ts", ...either(operations(8700), [])) },
  {
    name: "model debug",
    run: program(40, "tests/model/host.ts", ...DEBUG, ...operations(full ? 1200 : 720)),
  },
  { name: "badblocks 6.1", run: program(30, "tests/badblocks/host.ts", "--kernel", "6.1") },
  {
    name: "badblocks 6.12",
    run: program(
      30,
      "tests/badblocks/host.ts",
      ...["--kernel", "6.12", ...either(["--disk", "nvme", "--disk", "scsi"], [])],
    ),
  },
  {
    name: "replace",
    run: program(20, "tests/replace/host.ts", ...either(["--part", "moves"], [])),
  },
  { name: "crash", run: program(30, "tests/crash/host.ts") },
  {
    name: "crash migrate",
    run: program(
      20,
      "tests/crash/host.ts",
      ...["--migrations", "--rounds", "1", "--phases", "6", "--states", "6000"],
    ),
  },
  { name: "kill", run: program(40, "tests/crash/kill/host.ts", ...either(["--kills", "30"], [])) },
  { name: "fuzz", run: program(20, "tests/fuzz/host.ts") },
  {
    name: "fuzz kernel",
    run: program(
      30,
      "tests/fuzz/kernel.ts",
      ...[...DEBUG, ...either(["--histories", "16", "--forgeries", "54"], [])],
    ),
  },
  { name: "race", run: program(40, "tests/race/host.ts", ...operations(full ? 3000 : 1800)) },
  {
    name: "race debug",
    run: program(40, "tests/race/host.ts", ...DEBUG, ...operations(full ? 400 : 250)),
  },
  { name: "sweep", run: program(40, "tests/sweep/host.ts", ...either([], ["--thorough"])) },
  {
    name: "sweep debug",
    run: program(
      40,
      "tests/sweep/host.ts",
      ...[...DEBUG, "--short", ...either([], ["--thorough"])],
    ),
  },
];

/** The steps that the words on the command line name by their beginning; all, if there are none. */
function chosen(words: readonly string[]): readonly Step[] {
  const steps = STEPS.filter(({ name }) =>
    words.length === 0 || words.some((word) => name.startsWith(word))
  );
  if (steps.length === 0) {
    log(`no such step; there are: ${STEPS.map(({ name }) => name).join(", ")}`);
    Deno.exit(2);
  }
  return steps;
}

interface Outcome {
  readonly name: string;
  readonly counts: Counts;
  readonly seconds: number;
}

async function runStep({ name, run }: Step): Promise<Outcome> {
  say(`\n=== ${name}\n`);
  const started = performance.now();
  let counts: Counts;
  try {
    counts = await run();
  } catch (error) {
    const why = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    log(why);
    counts = { passed: 0, failed: 1, why: failureLines(why) };
  }
  const seconds = (performance.now() - started) / 1000;
  log(`=== ${name}: ${counts.passed} passed, ${counts.failed} failed, ${seconds.toFixed(0)} s`);
  return { name, counts, seconds };
}

const outcomes: Outcome[] = [];
try {
  for (const step of chosen(Deno.args.filter((word) => word !== "--full"))) {
    outcomes.push(await runStep(step));
  }
} finally {
  await Deno.remove(reports, { recursive: true });
}

say("\n");
for (const { name, counts: { passed, failed }, seconds } of outcomes) {
  const verdict = failed === 0 ? "ok    " : "FAILED";
  log(`${verdict} ${name.padEnd(16)} ${passed} passed, ${failed} failed, ${seconds.toFixed(0)} s`);
}
// Whoever reads the end of a long run only, shall know what has failed.
for (const { name, counts: { failed, why = [] } } of outcomes) {
  if (failed > 0) log(`\n${name}:\n${why.map((line) => `  ${line}`).join("\n")}`);
}
const total = sum(outcomes.map(({ counts }) => counts));
log(`${total.passed} passed, ${total.failed} failed`);
Deno.exit(total.failed === 0 ? 0 : 1);
