// SPDX-License-Identifier: GPL-2.0-only
// What help, man pages and completions need to know of a command beyond its options.
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { EXIT_MEANINGS, type ExitCode } from "../../output/exit_codes.ts";
import type { WordKind } from "./tree_model.ts";

/** An example: what to type after the program's name, and what it does. */
export type Example = readonly [typed: string, does: string];

/** The part of a command's documentation that its options do not give. */
export interface CommandDoc {
  /** Paragraphs between the options and the examples. */
  readonly notes?: readonly string[];
  readonly examples: readonly Example[];
  /** The exit codes the command uses, in order. */
  readonly exits: readonly ExitCode[];
  /** What a shell offers for an argument, where its name does not tell. */
  readonly complete?: Readonly<Record<string, WordKind>>;
}

/** A command and the words that lead to it: `["kmod", "build"]`, `[]` for the program itself. */
export interface CommandPlace {
  readonly path: readonly string[];
  readonly command: CommandUnknownOpts;
}

/** What the program is called in help and man pages, wherever the file lies. */
export const PROGRAM = "dmremap-ts";

const docs = new WeakMap<CommandUnknownOpts, CommandDoc>();

/** Attaches the documentation to a command, and to its help. */
export function document(command: CommandUnknownOpts, doc: CommandDoc): void {
  docs.set(command, doc);
  command.addHelpText("after", () => formatDoc(doc));
}

/** @throws {TypeError} for a command without documentation, which is a mistake of ours */
export function docOf(command: CommandUnknownOpts): CommandDoc {
  const doc = docs.get(command);
  if (doc === undefined) throw new TypeError(`command ${command.name()} is not documented`);
  return doc;
}

/** The program and all commands below it, parents before their children. */
export function walkCommands(
  command: CommandUnknownOpts,
  path: readonly string[] = [],
): CommandPlace[] {
  return [
    { path, command },
    ...command.commands.flatMap((child) => walkCommands(child, [...path, child.name()])),
  ];
}

/** The whole way to type a command: `dmremap-ts kmod build`. */
export function commandLine(path: readonly string[]): string {
  return [PROGRAM, ...path].join(" ");
}

function formatDoc(doc: CommandDoc): string {
  const notes = (doc.notes ?? []).map((note) => `\n${wrap(note, 80)}\n`).join("");
  const examples = doc.examples.map(([typed, does]) => `  ${PROGRAM} ${typed}\n      ${does}`);
  const exits = doc.exits.map((code) => `  ${String(code).padEnd(3)}  ${EXIT_MEANINGS[code]}`);
  return `${notes}\nExamples:\n${examples.join("\n")}\n\nExit codes:\n${exits.join("\n")}`;
}

function wrap(text: string, width: number): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].join("\n");
}
