// SPDX-License-Identifier: GPL-2.0-only
import { type Counts, countsInJunit, countsInOutput, judge } from "./counts.ts";
import { failureLines, failuresInJunit } from "./failures.ts";
import type { Say } from "./output.ts";

export interface CommandOptions {
  readonly cwd: string;
  /** Where the command's output goes while it runs. */
  readonly say: Say;
  readonly timeoutSeconds: number;
  readonly env?: Readonly<Record<string, string>>;
  /** A JUnit report that the command writes, to be counted instead of its output. */
  readonly junit?: string;
}

/** Runs a command whose exit code alone tells: one test. */
export async function runCheck(
  command: readonly string[],
  options: CommandOptions,
): Promise<Counts> {
  const { code, output } = await stream(command, options);
  if (code === 0) return { passed: 1, failed: 0 };
  return { passed: 0, failed: 1, why: failureLines(output) };
}

/** Runs a command that counts its tests, in its output or in a JUnit report. */
export async function runSuite(
  command: readonly string[],
  options: CommandOptions,
): Promise<Counts> {
  const { code, output } = await stream(command, options);
  const { junit } = options;
  const xml = junit === undefined ? "" : await Deno.readTextFile(junit).catch(() => "");
  const counts = judge(junit === undefined ? countsInOutput(output) : countsInJunit(xml), code);
  if (counts.failed === 0) return counts;
  const cases = failuresInJunit(xml);
  return { ...counts, why: cases.length > 0 ? cases : failureLines(output) };
}

/** Runs a command, passes its output on, and keeps it. */
async function stream(
  command: readonly string[],
  options: CommandOptions,
): Promise<{ readonly code: number; readonly output: string }> {
  const [program = "", ...args] = command;
  const { say } = options;
  say(`$ ${command.join(" ")}\n`);
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, {
      args,
      cwd: options.cwd,
      env: { NO_COLOR: "1", ...options.env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    const why = `cannot run ${program}: ${
      error instanceof Error ? error.message : String(error)
    }\n`;
    say(why);
    return { code: 127, output: why };
  }
  let output = "";
  const timer = setTimeout(() => {
    const why = `ended after ${options.timeoutSeconds} s\n`;
    output += why;
    say(why);
    child.kill("SIGTERM");
  }, options.timeoutSeconds * 1000);
  const pass = async (from: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    for await (const text of from.pipeThrough(new TextDecoderStream())) {
      output += text;
      say(text);
    }
  };
  await Promise.all([pass(child.stdout), pass(child.stderr)]);
  const { code } = await child.status;
  clearTimeout(timer);
  return { code, output };
}
