// SPDX-License-Identifier: GPL-2.0-only
// What holds for every run of every command, whatever it was given: looked at after each run that
// the other tests make.
import assert from "node:assert/strict";
import { buildProgram } from "../../cli/app.ts";
import { Session } from "../../cli/commands/support/session.ts";
import { type CommandModel, modelTree } from "../../cli/commands/support/tree_model.ts";
import { EXIT } from "../../cli/output/exit_codes.ts";
import { MemoryTerminal } from "../../cli/output/memory_terminal.ts";
import { checkDocument } from "./document.ts";
import { ERROR, WARNING } from "./schemas/common.ts";
import { schemaOf } from "./schemas/mod.ts";

/** What a run ended with and said. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const TREE = modelTree(buildProgram(new Session({ terminal: new MemoryTerminal() })));
const CODES: ReadonlySet<number> = new Set(Object.values(EXIT));

/** Every command of the tree, the program itself first. */
export function everyCommand(): readonly CommandModel[] {
  return TREE;
}

/** The command that these words lead to. */
export function commandOf(args: readonly string[]): CommandModel {
  let at = TREE[0]!;
  for (const word of args) {
    const path = [...at.path, word].join(" ");
    at = TREE.find((command) => command.path.join(" ") === path) ?? at;
  }
  return at;
}

/** The commands whose JSON results have been looked at, as they are typed. */
export const documented = new Set<string>();

/** @throws {assert.AssertionError} */
export function checkContract(args: readonly string[], { code, stdout, stderr }: Ended): void {
  const command = commandOf(args);
  const shown = `${args.join(" ")}: ${code}\n${stdout.slice(0, 2000)}\n${stderr.slice(0, 2000)}`;
  assert.ok(CODES.has(code), `no exit code of ours: ${shown}`);
  assert.ok(command.doc.exits.some((exit) => exit === code), `not in its help: ${shown}`);
  if (code === EXIT.usage) assert.equal(stdout, "", `wrong use, but a result: ${shown}`);
  if (!args.includes("-v") && !args.includes("--verbose")) {
    assert.doesNotMatch(stderr, /\n {4}at /, `a stack trace: ${shown}`);
  }
  assert.doesNotMatch(stderr, /\[object |\bundefined\b|\bNaN\b/, `a value in bare words: ${shown}`);
  if (args.includes("--json")) checkJson(command, args, code, stdout, stderr, shown);
  else checkWords(command, code, stdout, stderr, shown);
}

/** One document on stdout, or none; on stderr one object a line, an error the last of them. */
function checkJson(
  command: CommandModel,
  args: readonly string[],
  code: number,
  stdout: string,
  stderr: string,
  shown: string,
): void {
  const lines = stderr.split("\n").filter((line) => line !== "");
  for (const [index, line] of lines.entries()) {
    const said: unknown = parse(line, shown);
    checkDocument(said);
    const isError = typeof said === "object" && said !== null && "error" in said;
    const { error, data } = (isError ? ERROR : WARNING).safeParse(said);
    assert.equal(error, undefined, `${error?.message}: ${shown}`);
    if (data === undefined || !("error" in data)) continue;
    assert.equal(index, lines.length - 1, `an error, and it goes on: ${shown}`);
    assert.equal(data.error.exit_code, code, shown);
  }
  const isHelp = args.includes("--help") || args.includes("help");
  if (isHelp) return;
  if (stdout === "") {
    const failed = lines.at(-1)?.includes('"error"') === true;
    assert.ok(failed, `neither a result nor an error: ${shown}`);
    return;
  }
  const result = parse(stdout, shown);
  checkDocument(result);
  if (args.includes("--version")) return;
  const { error } = schemaOf(command.path, args).safeParse(result);
  assert.equal(error, undefined, `${error?.message}: ${shown}`);
  documented.add(command.path.join(" "));
}

/** A failure says why; success needs no words on stderr that call themselves an error. */
function checkWords(
  command: CommandModel,
  code: number,
  stdout: string,
  stderr: string,
  shown: string,
): void {
  assert.ok(!`${stdout}${stderr}`.includes("\x1b"), `an escape sequence: ${shown}`);
  const complains = /^error: \S/m.test(stderr);
  if (code === EXIT.done) assert.ok(!complains, `an error, and success: ${shown}`);
  if (code === EXIT.done || code === EXIT.degraded) return;
  // What was asked for may be bad news itself: `meta check` tells of damage on stdout.
  const isAnswer = stdout !== "" && code !== EXIT.usage;
  assert.ok(complains || isAnswer || /^warning: /m.test(stderr), `a failure in silence: ${shown}`);
  if (code === EXIT.usage) {
    assert.match(stderr, /^ {2}do: /m, `no way out (${command.path.join(" ")}): ${shown}`);
  }
}

function parse(text: string, shown: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new assert.AssertionError({ message: `no JSON (${error}): ${shown}` });
  }
}
