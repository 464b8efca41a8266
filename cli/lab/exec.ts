// SPDX-License-Identifier: GPL-2.0-only
import { CommandError, LabError } from "./errors.ts";

/** Receives progress, a line at a time; the caller decides where it goes. */
export type Log = (line: string) => void;

export interface ExecOptions {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  /** How many characters from the end of the output an error quotes. */
  readonly quote?: number;
}

/** Runs a command to its end and returns what it printed on stdout; throws unless it exits with 0. */
export async function exec(command: readonly string[], options: ExecOptions = {}): Promise<string> {
  const [program, ...args] = command;
  if (program === undefined) throw new LabError("no command given");
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command(program, {
      args,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: { LC_ALL: "C", ...options.env },
    }).output();
  } catch (cause) {
    throw new LabError(`cannot run ${program}: ${messageOf(cause)}`, { cause });
  }
  const decoder = new TextDecoder();
  const stdout = decoder.decode(output.stdout);
  if (!output.success) {
    const quote = options.quote ?? 4000;
    throw new CommandError(
      command,
      output.code,
      (stdout.slice(-quote) + decoder.decode(output.stderr).slice(-quote)).trim(),
    );
  }
  return stdout;
}

/** The text of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function exists(path: string): Promise<boolean> {
  return Deno.stat(path).then(() => true, () => false);
}
