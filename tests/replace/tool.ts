// SPDX-License-Identifier: GPL-2.0-only
//
// The packed tool, as a user would run it.
import { checkEqual } from "../../cli/selftest/check.ts";

export interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

let path = "dmremap-ts";

export function useTool(file: string): void {
  path = file;
}

/** Starts it; both outputs are collected. */
export function start(
  ...args: readonly string[]
): { process: Deno.ChildProcess; end: Promise<Run> } {
  const process = new Deno.Command(path, {
    args: [...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const decoder = new TextDecoder();
  const end = process.output().then(({ code, stdout, stderr }) => ({
    code,
    out: decoder.decode(stdout),
    err: decoder.decode(stderr),
  }));
  return { process, end };
}

/** Runs it, which has to end with that code. */
export async function tool(code: number, ...args: readonly string[]): Promise<Run> {
  const result = await start(...args).end;
  const said = `${result.err}${result.out}`.trim();
  checkEqual(`exit code of ${args.join(" ")} (${said})`, result.code, code);
  return result;
}

/** The same with `--json`: what it printed. */
export async function toolJson(
  code: number,
  ...args: readonly string[]
): Promise<Record<string, unknown>> {
  return JSON.parse((await tool(code, ...args, "--json")).out);
}
