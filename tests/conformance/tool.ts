// SPDX-License-Identifier: GPL-2.0-only
// Runs the program as its users do: as a process. DMREMAP_BIN names a packed file to be tested.
import { join } from "node:path";
import type { CommandModel } from "../../cli/commands/support/tree_model.ts";
import { run } from "../../cli/app.ts";
import { Session } from "../../cli/commands/support/session.ts";
import { MemoryTerminal } from "../../cli/output/memory_terminal.ts";
import { EXIT } from "../../cli/output/exit_codes.ts";
import { checkContract, everyCommand } from "./contract.ts";

export { everyCommand } from "./contract.ts";

/** How a run ended. */
export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a run may differ in. */
export interface RunOptions {
  readonly env?: Record<string, string>;
  readonly cwd?: string;
}

const MAIN = join(import.meta.dirname ?? "", "..", "..", "cli", "main.ts");

/** The words that start the program. */
export function toolWords(): string[] {
  const packed = Deno.env.get("DMREMAP_BIN");
  return packed === undefined || packed === ""
    ? [Deno.execPath(), "run", "-A", "-q", MAIN]
    : [packed];
}

/** Runs the program with nothing on stdin and both outputs in pipes, and looks at what always holds. */
export async function runTool(
  args: readonly string[],
  options: RunOptions = {},
): Promise<Result> {
  const result = await runWords([...toolWords(), ...args], options);
  checkContract(args, result);
  return result;
}

/**
 * The same in this process, which takes a twentieth of the time: for what depends on the arguments
 * and on files, not on the streams or on signals.
 */
export async function runHere(args: readonly string[], signal?: AbortSignal): Promise<Result> {
  const terminal = new MemoryTerminal();
  const session = new Session({ terminal, ...signal && { signal } });
  const code = await run(args, session);
  const result = { code, stdout: terminal.out, stderr: terminal.err };
  checkContract(args, result);
  return result;
}

/** Quotes words for a POSIX shell. */
export function quote(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
}

/** Runs any program. */
export async function runWords(
  [program = "", ...args]: readonly string[],
  options: RunOptions = {},
): Promise<Result> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { TERM: "xterm", ...options.env },
    ...options.cwd === undefined ? {} : { cwd: options.cwd },
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Commands that do something themselves: those without commands below them. */
export function leafCommands(): CommandModel[] {
  return everyCommand().filter((command) => command.children.length === 0);
}

/** Commands that work on a device which has to be there. */
export function deviceCommands(): CommandModel[] {
  return leafCommands().filter(({ arguments: [first] }) => first?.kind === "device");
}

/** Commands that end at once where the kernel has no device mapper: their help has code 6. */
export function needsDeviceMapper({ doc, path }: CommandModel): boolean {
  return doc.exits.includes(EXIT.missing) && !WITHOUT.includes(path.join(" "));
}
/** Those say that something is missing, or go without. */
const WITHOUT = ["doctor", "kmod status", "selftest", "snapshot take", "snapshot diff"];

/** Arguments that are well formed; the first one of a device command is `device`. */
export function goodArguments(command: CommandModel, device: string): string[] {
  return command.arguments.filter((argument) => argument.required).map((argument) => {
    if (argument.kind === "device") return device;
    return argument.choices[0] ?? SAMPLES[argument.name] ?? "x";
  });
}

const SAMPLES: Readonly<Record<string, string>> = {
  name: "conformance-none",
  main: "/nonexistent/main",
  spare: "/nonexistent/spare",
  sectors: "0+8",
};

/** A step for each command. */
export function eachCommand(
  t: Deno.TestContext,
  commands: readonly CommandModel[],
  step: (command: CommandModel) => Promise<void>,
): Promise<void> {
  return eachOf(t, commands, typed, step);
}

/** A step for each. Several run at a time: most of one is waiting for a process to start. */
export async function eachOf<T>(
  t: Deno.TestContext,
  subjects: readonly T[],
  name: (subject: T) => string,
  step: (subject: T) => Promise<void>,
): Promise<void> {
  const queue = [...subjects.entries()];
  const ends = subjects.map(() => Promise.withResolvers<void>());
  // Until its turn comes, a failure is nobody's.
  for (const { promise } of ends) promise.catch(() => undefined);
  const worker = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [index, subject] = next;
      await step(subject).then(ends[index]!.resolve, ends[index]!.reject);
    }
  };
  const workers = Array.from({ length: navigator.hardwareConcurrency }, worker);
  for (const [index, subject] of subjects.entries()) {
    await t.step(name(subject), () => ends[index]!.promise);
  }
  await Promise.all(workers);
}

/** The command as it is typed, for the names of steps. */
export function typed(command: CommandModel): string {
  return command.path.length === 0 ? "the program" : command.path.join(" ");
}

/** Whether this machine has a device mapper that the tests may look at. */
export async function hasDeviceMapper(): Promise<boolean> {
  return (await runTool(["list"])).code === 0;
}

/** Reads the one JSON document that stderr has to be. */
export function errorOf(result: Result): Record<string, unknown> {
  const parsed: unknown = JSON.parse(result.stderr);
  if (!isRecord(parsed) || !isRecord(parsed["error"])) {
    throw new TypeError(`no error object: ${result.stderr}`);
  }
  if (parsed["schema_version"] !== 1) throw new TypeError(`no schema_version: ${result.stderr}`);
  return parsed["error"];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
