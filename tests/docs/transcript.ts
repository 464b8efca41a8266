// SPDX-License-Identifier: GPL-2.0-only
import type { ShellBlock } from "./blocks.ts";

/**
 * A `console` block is a session: lines that start with `$ ` are typed, the others are what came
 * out. A `sh` block is only typed.
 */
function typedLines({ text, session }: ShellBlock): string[] {
  if (!session) return text.split("\n").filter((line) => line.trim() !== "");
  return text.split("\n").filter((line) => line.startsWith("$ ")).map((line) => line.slice(2));
}

/** A shell script that types the block and shows it as a session; ends at the first failure. */
export function blockScript(block: ShellBlock): string {
  return typedLines(block).map((line) => `echo '$ ${quote(line)}'\n${line}`).join("\n");
}

function quote(text: string): string {
  return text.replaceAll("'", "'\\''");
}

/** Where a session differs from what the document shows; undefined if it does not. */
export function sessionDifference(block: ShellBlock, output: string): string | undefined {
  const clean = (text: string) => text.split("\n").map((line) => line.trimEnd()).join("\n").trim();
  const [shown, came] = [clean(block.text), clean(output)];
  if (!block.session || shown === came) return undefined;
  return `shown:\n${shown}\n\nbut it is:\n${came}`;
}
