// SPDX-License-Identifier: GPL-2.0-only
// Runs the program in this process: starting it anew for each command takes seconds in a guest.
import assert from "node:assert/strict";
import { run } from "../../../cli/app.ts";
import { Session } from "../../../cli/commands/support/session.ts";
import { MemoryTerminal } from "../../../cli/output/memory_terminal.ts";
import { checkContract } from "../contract.ts";

export const MAIN = "/dev/lab/main";
export const SPARE = "/dev/lab/spare";

/** A part of the test, and its name. */
export type Step = readonly [name: string, step: () => Promise<void>];

interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Whatever it ends with; what holds for every run is looked at. */
async function tool(args: readonly string[]): Promise<Result> {
  const terminal = new MemoryTerminal();
  const code = await run(args, new Session({ terminal }));
  checkContract(args, { code, stdout: terminal.out, stderr: terminal.err });
  return { code, out: terminal.out, err: terminal.err };
}

/** Runs another program, and gives back what it printed. */
export async function shell(command: string): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command("sh", { args: ["-c", command] }).output();
  const text = new TextDecoder();
  assert.equal(code, 0, `${command}: ${text.decode(stdout)}${text.decode(stderr)}`);
  return text.decode(stdout);
}

/** Runs a command that has to end with this code, and gives back what it printed. */
export async function expect(code: number, ...args: string[]): Promise<Result> {
  const result = await tool(args);
  assert.equal(result.code, code, `${args.join(" ")}: ${result.out}${result.err}`);
  return result;
}

// deno-lint-ignore explicit-module-boundary-types -- any document, as JSON.parse gives it
export async function json(code: number, ...args: string[]) {
  return JSON.parse((await expect(code, ...args, "--json")).out);
}

export async function errorCode(code: number, ...args: string[]): Promise<string> {
  const { out, err } = await expect(code, ...args, "--json");
  assert.equal(out, "");
  return JSON.parse(err).error.code;
}
