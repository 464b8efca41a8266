// SPDX-License-Identifier: GPL-2.0-only
import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { UsageError } from "../device/errors.ts";
import { EXIT } from "../output/exit_codes.ts";
import { formatColumns } from "../output/table.ts";
import { selectStages } from "../selftest/plan.ts";
import { nativeObstacle, runNative } from "../selftest/native.ts";
import { Progress } from "../selftest/progress.ts";
import { hasPassed, type RunResult } from "../selftest/report.ts";
import { formatJunit } from "../selftest/junit.ts";
import { reportFields } from "../selftest/report_json.ts";
import { formatReport } from "../selftest/report_text.ts";
import { runHere, runInVm, type SelftestOptions } from "../selftest/run.ts";
import { DEFAULT_SETTINGS, type StageSettings } from "../selftest/stage.ts";
import { STAGES } from "../selftest/stages.ts";
import { document } from "./support/command_doc.ts";
import { wholeNumber } from "./support/integers.ts";
import type { Session } from "./support/session.ts";

const SECONDS = wholeNumber({ min: 1n, max: 86400n });
const UINT32 = wholeNumber({ max: 2n ** 32n - 1n });

/** To unmount, remove devices, detach disks and unload the module; a second Ctrl-C does not wait. */
const GRACE_MS = 30_000;

/** `selftest [STAGE...]` */
export function registerSelftest(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("selftest")
    .summary("try the module on this machine or in a virtual machine")
    .description(
      "Runs the test stages against the kernel module; all of them if no STAGE is given. " +
        "`selftest list` shows them.",
    )
    .argument("[stage...]", "stages by name, or `list`")
    .option("--vm", "run in a virtual machine, so that this machine's kernel stays untouched")
    .option(
      "--kernel <kernel>",
      "kernel of the virtual machine: 6.1, 6.12, newest, debug, or an image's path; may be given again",
      collect,
    )
    .option("--case <text>", "only cases with this in their name; may be given again", collect)
    .option("--exclude <stage>", "leave a stage away; may be given again", collect)
    .option("--junit <file>", "also write the report as JUnit XML")
    .option("--seed <n>", "repeat the random choices of an earlier run", UINT32)
    .option("--duration <seconds>", "how long the stress stage takes", SECONDS)
    .option("--no-figures", "measure nothing; what is judged is judged all the same")
    .option("--workdir <directory>", "where the images of the test disks go")
    .option("--native", "run on this machine's own kernel, or fail")
    .addOption(
      // How a guest tells its host.
      new Option("--events", "write what happens as JSON lines to $DMREMAP_CHANNEL, and no report")
        .hideHelp(),
    )
    .action((stages, options) => selftest(session, stages, options));
  document(command, {
    notes: [
      "Where this machine has no device mapper, or the user is not root, a virtual machine is used " +
      "without being asked for. There the same program runs on the very kernel that was named, " +
      "the installed one unless --kernel says otherwise.",
      "The stages work on loop devices of their own and take everything away again. A stage that " +
      "cannot run counts as failed unless --exclude names it.",
    ],
    examples: [
      ["selftest", "everything, here if possible"],
      ["selftest --vm --kernel /boot/vmlinuz-$(uname -r)", "try this server's kernel in QEMU"],
      ["selftest functional stress --duration 300", "two stages, one of them for long"],
      ["selftest persistence --case 'a reload'", "some cases of a stage"],
      ["selftest --json --junit report.xml --exclude performance", "for CI"],
      ["selftest list", "the stages"],
    ],
    exits: [0, 1, 2, 6, 130],
  });
}

interface Options {
  readonly vm?: true;
  readonly kernel?: string[];
  readonly case?: string[];
  readonly exclude?: string[];
  readonly junit?: string;
  readonly seed?: bigint;
  readonly duration?: bigint;
  readonly figures: boolean;
  readonly workdir?: string;
  readonly native?: true;
  readonly events?: true;
}

async function selftest(session: Session, wanted: string[], options: Options): Promise<void> {
  if (wanted.length === 1 && wanted[0] === "list") return list(session);
  if (options.native && (options.vm || options.kernel)) {
    throw new UsageError("--native and --vm exclude each other");
  }
  const names = selectStages(STAGES.map(({ name }) => name), wanted, options.exclude ?? []);
  if (session.dryRun) return await showPlan(session, names, options);
  session.graceMs = GRACE_MS;
  const progress = new Progress({
    line: (text) => session.out.note(text),
    transient: (text) => session.out.progressLine(text),
  });
  const common: SelftestOptions = {
    stages: STAGES.filter(({ name }) => names.includes(name)),
    settings: settingsOf(options),
    signal: session.signal,
    log: (line) => session.out.note(line),
    watch: (event) => progress.take(event),
  };
  const workdir = options.workdir ?? (inGuest() ? "/tmp" : "/var/tmp");
  if (options.events) return await runNative({ ...common, workdir, emit: channel() });

  const runs: RunResult[] = [];
  if (useVm(session, options)) {
    const args = guestArguments(names, common.settings);
    for (const kernel of options.kernel ?? [await defaultKernel()]) {
      runs.push(await runInVm(common, kernel, args));
    }
  } else {
    runs.push(await runHere(common, workdir));
  }
  if (options.junit !== undefined) await Deno.writeTextFile(options.junit, formatJunit(runs));
  session.out.result(reportFields(runs), () => formatReport(runs));
  if (!runs.every(hasPassed)) session.exitCode = EXIT.failed;
}

function useVm(session: Session, options: Options): boolean {
  if (options.vm || options.kernel !== undefined) return true;
  const obstacle = nativeObstacle();
  if (options.native || obstacle === undefined) return false;
  session.out.note(`${obstacle}: using a virtual machine`);
  return true;
}

/** What would run, and where; no machine is started. */
async function showPlan(session: Session, stages: string[], options: Options): Promise<void> {
  const kernels = useVm(session, options) ? options.kernel ?? [await defaultKernel()] : [];
  session.out.result({ stages, virtual_machine: kernels.length > 0, kernels }, () => {
    const where = kernels.length > 0
      ? `in a virtual machine with kernel ${kernels.join(", then ")}`
      : "on this machine";
    return `would run ${stages.join(", ")} ${where}`;
  });
}

function list(session: Session): void {
  session.out.result(
    { stages: STAGES.map(({ name, summary, programs }) => ({ name, summary, programs })) },
    () =>
      formatColumns(
        [{ heading: "STAGE" }, { heading: "TRIES" }],
        STAGES.map(({ name, summary }) => [name, summary]),
      ),
  );
}

function settingsOf(options: Options): StageSettings {
  const seed = options.seed ?? BigInt(crypto.getRandomValues(new Uint32Array(1))[0] ?? 0);
  const duration = options.duration;
  return {
    ...DEFAULT_SETTINGS,
    seed: Number(seed),
    figures: options.figures,
    cases: options.case ?? [],
    ...inGuest() ? { performanceSeconds: 1 } : {},
    ...duration === undefined ? {} : { stressSeconds: Number(duration) },
  };
}

function guestArguments(stages: readonly string[], settings: StageSettings): string[] {
  const figures = settings.figures ? [] : ["--no-figures"];
  const numbers = ["--seed", `${settings.seed}`, "--duration", `${settings.stressSeconds}`];
  const cases = settings.cases.flatMap((text) => ["--case", text]);
  return [...stages, ...numbers, ...figures, ...cases];
}

/** The kernel that runs here, or will after the next boot; else one that the lab can get. */
async function defaultKernel(): Promise<string> {
  const image = `/boot/vmlinuz-${Deno.osRelease()}`;
  const there = await Deno.stat(image).then(() => true, () => false);
  return there ? image : "6.1";
}

/** What an emulated machine measures says little: it is not worth the time. */
function inGuest(): boolean {
  return Deno.env.get("DMREMAP_IN_GUEST") === "1";
}

function channel(): (event: object) => void {
  const path = Deno.env.get("DMREMAP_CHANNEL");
  if (path === undefined) throw new UsageError("--events needs $DMREMAP_CHANNEL");
  const file = Deno.openSync(path, { write: true, append: true });
  const encoder = new TextEncoder();
  return (event) => {
    let rest = encoder.encode(`${JSON.stringify(event)}\n`);
    while (rest.length > 0) rest = rest.subarray(file.writeSync(rest));
  };
}

function collect(value: string, previous: string[] | undefined): string[] {
  return [...previous ?? [], value];
}
