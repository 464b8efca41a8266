// SPDX-License-Identifier: GPL-2.0-only
/** What the whole run does: a line a step. */
import { join } from "node:path";
import { ensureKernel } from "../cli/lab/kernels.ts";
import {
  BOOTSTRAP_PACKAGES,
  CHECKER_PACKAGES,
  ensurePackages,
  GUEST_PACKAGES,
  KERNEL_BUILD_PACKAGES,
  STAGE_PACKAGES,
} from "../cli/lab/packages.ts";
import { FUZZER_PACKAGES } from "./fuzz/native.ts";
import { runCheck, runSuite } from "./suite/command.ts";
import type { Counts } from "./suite/counts.ts";
import type { Job } from "./suite/lanes.ts";
import { buildWithoutWarnings } from "./suite/module_build.ts";
import type { Say } from "./suite/output.ts";

/** What all steps of a run share. */
export interface Run {
  readonly root: string;
  /** For JUnit reports, until the end of the run. */
  readonly reports: string;
  /** Nothing is left to long campaigns. */
  readonly full: boolean;
  readonly say: Say;
}

type RunStep = (run: Run) => Promise<Counts>;

export interface Step extends Job {
  readonly run: RunStep;
}

/** Arguments for the usual run, and those for the full one. */
interface Amount {
  readonly usual: readonly string[];
  readonly full: readonly string[];
}

type Args = readonly (string | Amount)[];

const amount = (usual: readonly string[], full: readonly string[]): Amount => ({ usual, full });

const words = (args: Args, { full }: Run) =>
  args.flatMap((arg) => typeof arg === "string" ? [arg] : full ? arg.full : arg.usual);

const log = ({ say }: Run) => (line: string) => say(`${line}\n`);
const deno = Deno.execPath();
const PASSED: Counts = { passed: 1, failed: 0 };

const minutes = (count: number, { root, say }: Run) => ({
  cwd: root,
  say,
  timeoutSeconds: count * 60,
});

const check = (...command: string[]): RunStep => (run) => runCheck(command, minutes(20, run));

const suite = (limit: number, ...command: Args): RunStep => (run) =>
  runSuite(words(command, run), minutes(limit, run));

const program = (limit: number, path: string, ...args: Args) =>
  suite(limit, deno, "run", "-A", path, ...args);

/** What is left away on a kernel, and why nothing is lost by that. */
type Elsewhere = Readonly<Record<string, string>>;

const excluded = (elsewhere: Elsewhere, run: Run) =>
  Object.entries(run.full ? {} : elsewhere).flatMap(([stage, why]) => {
    log(run)(`not here: ${stage}: ${why}`);
    return ["--exclude", stage];
  });

/** The random choices are the same in every run but a full one: a failure can be repeated. */
const selftest =
  (kernel: string, elsewhere: Elsewhere = {}, ...usual: string[]): RunStep => (run) => {
    const junit = `${run.reports}/selftest-${kernel}.xml`;
    const command = ["dist/dmremap-ts", "selftest", "--vm", "--kernel", kernel, "--junit", junit];
    const fewer = excluded(elsewhere, run);
    const less = run.full ? [] : ["--seed", "1", ...fewer, ...usual];
    return runSuite([...command, ...less], { ...minutes(60, run), junit });
  };

const NOT_ON_6_12: Elsewhere = {
  corruption: "reads bytes, whatever the kernel: on 6.1",
  files: "`badblocks 6.12` has ext4 on top; on 6.1",
  snapshot: "the tool's own files, whatever the kernel: on 6.1",
  leak: "the same accounts as on 6.1; kmemleak on the debug kernel",
  functional: "on the newest kernel, and on 6.1",
  persistence: "on the newest kernel, and on 6.1",
  migration: "on the newest kernel, and on 6.1",
  scan: "reads as anybody does, whatever the kernel: on 6.1",
  stress: "on 6.1; `badblocks 6.12` has fio on top",
  performance: "what is judged is judged on 6.1",
};
const NOT_ON_DEBUG: Elsewhere = {
  corruption: "on 6.1; `fuzz kernel` reads damaged metadata under KASAN",
  snapshot: "the tool's own files, whatever the kernel: on 6.1",
  files: "on 6.1; a file system asks for nothing that `model debug` does not ask for",
  scan: "on 6.1; `race debug` and `failslab` scan under KASAN",
  stress: "on 6.1; `race debug` has more at once",
  performance: "what is judged is judged on 6.1",
};

/** Of the packed file, which is what people have. */
const conformance: RunStep = (run) =>
  runSuite([deno, "test", "-A", "tests/conformance"], {
    ...minutes(25, run),
    env: { DMREMAP_BIN: join(run.root, "dist/dmremap-ts") },
  });

const kernel = (id: string): RunStep => async (run) => {
  await ensureKernel(id, log(run));
  return PASSED;
};

const module = (id: string): RunStep => ({ root, say }) => buildWithoutWarnings(root, id, say);

/** What only the tests use: shells for completions, readers of man pages, a fuzzer, ddrescue. */
const TEST_PACKAGES = [
  ...["bash", "zsh", "fish", "man-db", "groff", "bsdutils", "gddrescue"],
  ...["stress-ng", "lvm2", "thin-provisioning-tools", "mdadm", "cryptsetup-bin", "xfsprogs"],
  ...FUZZER_PACKAGES,
];

const packages: RunStep = async (run) => {
  const names = [
    ...GUEST_PACKAGES,
    ...STAGE_PACKAGES,
    ...KERNEL_BUILD_PACKAGES,
    ...BOOTSTRAP_PACKAGES,
    ...CHECKER_PACKAGES,
    ...TEST_PACKAGES,
  ];
  await ensurePackages(names, log(run));
  return PASSED;
};

/** Tests that are a step of their own. All others run as one step, wherever they lie. */
const NOT_UNIT = ["tests/conformance", "tests/vm"];
const unit = suite(
  20,
  ...[deno, "test", "-A", `--ignore=${NOT_UNIT.join(",")}`],
  amount(["--preload", "tests/suite/same_choices.ts"], []),
);

const DEBUG = ["--kernel", "debug"] as const;
const operations = (usual: number, full: number) =>
  amount(["--operations", `${usual}`], ["--operations", `${full}`]);

const step = (name: string, run: RunStep, cores: number, ...after: string[]): Step => ({
  name,
  run,
  cores,
  after,
});
/** Of one CPU, more or less. */
const light = (name: string, run: RunStep, ...after: string[]) => step(name, run, 1, ...after);
/** Guests with heavy load have the machine for themselves. */
const heavy = (name: string, run: RunStep, ...after: string[]) => step(name, run, 2, ...after);

/** Others after each commit. */
const mutants = (part: string, sample: number, ...after: string[]) =>
  light(
    `mutants ${part}`,
    program(
      120,
      "tests/mutants/run.ts",
      ...["--only", `${part}/`],
      amount(["--sample", `${sample}`, "--lanes", "1"], []),
    ),
    ...after,
  );

const SETUP: readonly Step[] = [
  light("packages", packages),
  light("kernel debug", kernel("debug"), "packages"),
  light("check", check(deno, "task", "check"), "packages"),
  light("kernel 6.1", kernel("6.1"), "packages"),
  light("kernel 6.12", kernel("6.12"), "packages"),
  light("kernel newest", kernel("newest"), "packages"),
  light("pack", check(deno, "task", "pack"), "packages", "check"),
  light("module 6.1", module("6.1"), "kernel 6.1"),
  light("module 6.12", module("6.12"), "kernel 6.12"),
  light("module debug", module("debug"), "kernel debug"),
  light("module newest", module("newest"), "kernel newest"),
  light("unit", unit, "check"),
];

/** What takes longest comes first, so that nothing long is left for the end. */
const TOOL: readonly Step[] = [
  light(
    "selftest debug",
    selftest("debug", NOT_ON_DEBUG),
    ...["pack", "module debug"],
  ),
  light("selftest 6.1", selftest("6.1", {}, "--duration", "10"), "pack", "module 6.1"),
  light("documents", program(30, "tests/docs/host.ts"), "pack", "kernel 6.1"),
  light(
    "selftest 6.12",
    selftest("6.12", NOT_ON_6_12),
    ...["pack", "module 6.12"],
  ),
  light(
    "selftest newest",
    selftest("newest", {}, "functional", "persistence", "migration"),
    ...["pack", "module newest"],
  ),
  light("boot", program(30, "tests/boot/host.ts"), "pack", "kernel 6.1"),
  light("conformance", conformance, "pack", "kernel 6.1"),
  light("packed file", program(10, "tests/pack/run.ts", "dist/dmremap-ts"), "pack"),
  light(
    "lab",
    suite(20, deno, "test", "-A", "tests/vm"),
    ...["kernel 6.1", "kernel debug", "kernel newest"],
  ),
  light("ffi", program(20, "tests/ffi/host.ts"), "pack", "kernel 6.1"),
  light("backup", program(20, "tests/backup/host.ts"), "pack", "kernel 6.1"),
  light("restore", program(20, "tests/restore/host.ts"), "pack", "kernel 6.1"),
  light(
    "replace",
    program(20, "tests/replace/host.ts", amount(["--part", "moves"], [])),
    ...["pack", "kernel 6.1"],
  ),
];

const TARGET: readonly Step[] = [
  light(
    "model debug",
    program(40, "tests/model/host.ts", ...DEBUG, operations(400, 1200)),
    ...["module debug"],
  ),
  light(
    "model",
    program(40, "tests/model/host.ts", amount(["--operations", "5000"], [])),
    ...["module 6.1"],
  ),
  light(
    "fuzz kernel",
    program(
      30,
      "tests/fuzz/kernel.ts",
      ...DEBUG,
      amount(["--histories", "16", "--forgeries", "54"], []),
    ),
    ...["module debug"],
  ),
  light(
    "badblocks 6.1",
    program(30, "tests/badblocks/host.ts", "--kernel", "6.1"),
    ...["module 6.1"],
  ),
  light(
    "badblocks 6.12",
    program(
      30,
      "tests/badblocks/host.ts",
      ...["--kernel", "6.12"],
      amount(["--disk", "nvme"], []),
    ),
    ...["module 6.12"],
  ),
  light(
    "peers",
    program(
      20,
      "tests/peers/host.ts",
      amount(["fio", "stress", "crash-ext4"].flatMap((part) => ["--part", part]), ["--full"]),
    ),
    ...["module 6.1"],
  ),
  light("failslab", program(60, "tests/failslab/host.ts", amount([], ["--all"])), "module debug"),
  light("crash", program(30, "tests/crash/host.ts"), "module 6.1"),
  light(
    "crash migrate",
    program(
      20,
      "tests/crash/host.ts",
      ...["--migrations", "--rounds", "1", "--phases", "6", "--states", "6000"],
    ),
    ...["module 6.1"],
  ),
  light(
    "kill",
    program(40, "tests/crash/kill/host.ts", amount(["--kills", "20"], [])),
    ...["module 6.1"],
  ),
  light("fuzz", program(20, "tests/fuzz/host.ts"), "packages"),
  mutants("kmod", 3, "module 6.1", "module debug"),
  mutants("cli", 30, "kernel 6.1"),
];

const HEAVY: readonly Step[] = [
  heavy("race", program(40, "tests/race/host.ts", operations(1200, 3000)), "module 6.1"),
  heavy(
    "race debug",
    program(40, "tests/race/host.ts", ...DEBUG, operations(180, 400)),
    "module debug",
  ),
  heavy("sweep", program(40, "tests/sweep/host.ts", amount([], ["--thorough"])), "module 6.1"),
  heavy(
    "sweep debug",
    program(40, "tests/sweep/host.ts", ...DEBUG, "--short", amount([], ["--thorough"])),
    ...["module debug"],
  ),
];

/** The whole run: add a line to add a step. */
export const STEPS: readonly Step[] = [...SETUP, ...TOOL, ...TARGET, ...HEAVY];
