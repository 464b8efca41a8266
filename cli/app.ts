// SPDX-License-Identifier: GPL-2.0-only
// The command tree, and one run of it from arguments to exit code.
import {
  Command,
  CommanderError,
  type CommandUnknownOpts,
  Option,
} from "@commander-js/extra-typings";
import { registerAll } from "./commands/registry.ts";
import { commandLine, document, PROGRAM } from "./commands/support/command_doc.ts";
import type { GlobalOptions, Session } from "./commands/support/session.ts";
import { UsageError } from "./device/errors.ts";
import { EXIT, type ExitCode, InterruptedError } from "./output/exit_codes.ts";
import { toJson } from "./output/json.ts";
import { describeProblem, problemJson, problemProse } from "./output/problem.ts";
import { OutputClosedError } from "./output/terminal.ts";
import { UNITS } from "./output/units.ts";
import { versionInfo } from "./version.ts";

/** Runs the program; never throws. */
export async function run(args: readonly string[], session: Session): Promise<ExitCode> {
  const json = wantsJson(args);
  let verbose = false;
  let program: CommandUnknownOpts | undefined;
  try {
    program = buildProgram(session, json);
    program.hook("preAction", () => void (verbose = session.out.verbose));
    const words = helpAsFlag(program, args);
    await interruptible(program.parseAsync(words, { from: "user" }), session);
    return session.exitCode;
  } catch (error) {
    if (error instanceof OutputClosedError) return session.exitCode;
    const path = program === undefined ? [] : typedCommand(program, args);
    return report(session, asUsage(error, path), json, verbose);
  }
}

/** The whole command tree; `json` keeps help that comes as an error off stderr. */
export function buildProgram(session: Session, json = false): CommandUnknownOpts {
  const { terminal } = session;
  const width = terminal.columns ?? 80;
  const program = new Command(PROGRAM)
    .description(
      "Puts a software spare area under a disk with failing sectors, and looks after it.",
    )
    .configureHelp({ showGlobalOptions: true, minWidthToWrap: 30 })
    .configureOutput({
      writeOut: (text) => terminal.writeOut(text),
      writeErr: (text) => json ? undefined : terminal.writeErr(text),
      // What went wrong is told in one place, for usage and all other errors alike.
      outputError: () => undefined,
      getOutHelpWidth: () => width,
      getErrHelpWidth: () => width,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .exitOverride()
    .option("--json", "print JSON with a schema_version")
    .addOption(
      new Option("--units <units>", "write amounts in 512-byte sectors, bytes, or KiB, MiB, ...")
        .choices(UNITS).default("iec" as const),
    )
    .option("-n, --dry-run", "show what would be done, and do nothing")
    .option("-y, --yes", "do not ask")
    .option("-q, --quiet", "print results only")
    .option("-v, --verbose", "say more")
    .option("-V, --version", "print the versions of tool, module, runtime and sources")
    .hook("preAction", (root) => session.begin(root.opts() as GlobalOptions));
  program.on("option:version", () => {
    printVersion(session, json);
    throw new CommanderError(EXIT.done, "commander.version", "");
  });
  registerAll(program, session);
  document(program, {
    notes: ["`dmremap-ts COMMAND --help` and `dmremap-ts man COMMAND` tell more about a command."],
    examples: [
      ["create r0 /dev/sdb1 /dev/sdc1", "put a remap device over sdb1"],
      ["status", "see how all remap devices are"],
      ["doctor", "see what this machine lacks"],
    ],
    exits: [0, 1, 2, 3, 4, 5, 6, 130],
  });
  return program;
}

/** Lets an interrupt win, but gives the command a moment to put things back. */
async function interruptible(work: Promise<unknown>, session: Session): Promise<void> {
  const { signal } = session;
  const interrupted = Promise.withResolvers<void>();
  const stop = () => interrupted.resolve();
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  try {
    await Promise.race([work, interrupted.promise]);
    if (!signal.aborted) return;
    await Promise.race([work.catch(() => undefined), pause(session.graceMs)]);
    throw new InterruptedError("interrupted", { cause: signal.reason });
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => Deno.unrefTimer(setTimeout(resolve, ms)));
}

function report(session: Session, error: unknown, json: boolean, verbose: boolean): ExitCode {
  const problem = describeProblem(error);
  if (problem.exitCode === EXIT.done) return EXIT.done;
  if (json) {
    session.terminal.writeErr(`${problemJson(problem)}\n`);
    return problem.exitCode;
  }
  if (typeof problem.details["log"] === "string") {
    session.terminal.writeErr(`${problem.details["log"].trimEnd()}\n\n`);
  }
  session.terminal.writeErr(`${problemProse(problem)}\n`);
  if (verbose && error instanceof Error && error.stack !== undefined) {
    session.terminal.writeErr(`${error.stack}\n`);
  }
  return problem.exitCode;
}

/** Errors of commander in our words: what is wrong, and where it is told how it is right. */
function asUsage(error: unknown, path: readonly string[]): unknown {
  if (!(error instanceof CommanderError) || error.exitCode === EXIT.done) return error;
  // Commander shows the help where a command is missing, and reports that as an error.
  const message = error.code === "commander.help"
    ? "a command is missing"
    : error.message.replace(/^error: /, "").replaceAll("\n", " ");
  return new UsageError(message, { cure: `see ${commandLine([...path, "--help"])}` });
}

/** The command that the arguments lead to, as far as they are right. */
function typedCommand(program: CommandUnknownOpts, args: readonly string[]): string[] {
  const path: string[] = [];
  let at = program;
  for (const word of args) {
    const next = at.commands.find((command) => command.name() === word);
    if (next === undefined) continue;
    path.push(word);
    at = next;
  }
  return path;
}

/** `help kmod build` is `kmod build --help`; commander itself goes no further than to the first word. */
function helpAsFlag(program: CommandUnknownOpts, args: readonly string[]): string[] {
  const at = args.findIndex((word) => !word.startsWith("-"));
  if (args[at] !== "help") return [...args];
  const rest = args.slice(at + 1);
  const path: string[] = [];
  let command = program;
  for (const word of rest.filter((each) => !each.startsWith("-"))) {
    const next = command.commands.find((child) => child.name() === word);
    if (next === undefined) {
      throw new UsageError(`unknown command '${word}'`, {
        cure: `see ${commandLine([...path, "--help"])}`,
      });
    }
    path.push(word);
    command = next;
  }
  return [...args.slice(0, at), ...path, ...rest.filter((each) => each.startsWith("-")), "--help"];
}

function wantsJson(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return args.slice(0, end < 0 ? undefined : end).includes("--json");
}

function printVersion(session: Session, json: boolean): void {
  const version = versionInfo();
  const text = json
    ? toJson({ ...version }, 2)
    : `${PROGRAM} ${version.tool}\nmodule ${version.module}\ndeno ${version.runtime}\ngit ${version.git}`;
  session.terminal.writeOut(`${text}\n`);
}
