// SPDX-License-Identifier: GPL-2.0-only
import { join } from "node:path";

/** A fenced block of shell commands in a document. */
export interface ShellBlock {
  readonly document: string;
  /** Of the fence, counted from 1. */
  readonly line: number;
  /** A `console` block, which shows output as well; what is typed starts with `$ `. */
  readonly session: boolean;
  /** The words behind the language: `guest` marks what is run in a guest. */
  readonly marks: readonly string[];
  readonly text: string;
}

/** A command line for the tool, as words. */
export interface ToolCommand {
  readonly document: string;
  readonly line: number;
  readonly words: readonly string[];
}

/** The documents of this repository, as paths from its root. */
export function documents(root: string): string[] {
  const found = ["README.md", "CONTRIBUTING.md"];
  for (const { name } of Deno.readDirSync(join(root, "docs"))) {
    if (name.endsWith(".md")) found.push(`docs/${name}`);
  }
  return found.sort();
}

/** The shell blocks of a document, also those that are indented below a list item. */
export function shellBlocks(document: string, text: string): ShellBlock[] {
  const lines = text.split("\n");
  const blocks: ShellBlock[] = [];
  for (let i = 0; i < lines.length; i++) {
    const fence = /^(\s*)```(sh|console)\b\s*(.*)$/.exec(lines[i] ?? "");
    if (fence === null) continue;
    const [, indent = "", language, marks = ""] = fence;
    const start = i + 1;
    while (++i < lines.length && (lines[i] ?? "").trim() !== "```");
    const body = lines.slice(start, i).map((line) => line.replace(new RegExp(`^${indent}`), ""));
    blocks.push({
      document,
      line: start,
      session: language === "console",
      marks: marks.split(/\s+/).filter(Boolean),
      text: body.join("\n"),
    });
  }
  return blocks;
}

/** The command lines in a block that call the tool, without what the shell does with them. */
export function toolCommands({ document, line, text }: ShellBlock): ToolCommand[] {
  return text.replaceAll(/\\\n/g, " ").split("\n").flatMap((command, i) =>
    commands(shellWords(command.replace(/^\$ /, ""))).filter(([program]) =>
      program === "dmremap-ts"
    )
      .map(([, ...words]) => ({ document, line: line + i + 1, words }))
  );
}

/** Operators that end a command, each as a word of its own. */
const OPERATOR = /^(?:\|\|?|&&?|;|[0-9]?>>?|<)$/;

/**
 * Splits a line as the shell does: quotes, `$(...)` kept as one word, comments dropped. An operator
 * is a word of its own.
 */
export function shellWords(line: string): string[] {
  const token =
    /\s+|#.*$|([0-9]?>>?|\|\|?|&&?|;|<)|((?:"[^"]*"|'[^']*'|\$\([^)]*\)|[^\s"'|&;<>$]|\$)+)/gy;
  const words: string[] = [];
  for (const [, operator, word] of line.matchAll(token)) {
    if (word !== undefined) words.push(word.replaceAll(/["']/g, ""));
    if (operator !== undefined) words.push(operator);
  }
  return words;
}

function commands(words: readonly string[]): string[][] {
  const found: string[][] = [[]];
  let redirected = false;
  for (const word of words) {
    if (OPERATOR.test(word)) {
      redirected = /[<>]/.test(word);
      if (!redirected) found.push([]);
    } else if (redirected) redirected = false;
    else found.at(-1)?.push(word);
  }
  return found.map((command) => command[0] === "sudo" ? command.slice(1) : command);
}
