// SPDX-License-Identifier: GPL-2.0-only
// The real command tree, for tests of what is generated from it.
import { buildProgram } from "../../app.ts";
import { MemoryTerminal } from "../../output/memory_terminal.ts";
import { Session } from "./session.ts";
import { type CommandModel, modelTree } from "./tree_model.ts";

/** The model of the program as it is. */
export function realTree(): CommandModel[] {
  return modelTree(buildProgram(new Session({ terminal: new MemoryTerminal() })));
}

/** Puts a program of this name into a folder; it prints two device names, as `list --names` does. */
export function fakeProgram(folder: string): void {
  const path = `${folder}/dmremap-ts`;
  Deno.writeTextFileSync(path, '#!/bin/sh\n[ "$*" = "list --names" ] && printf "r0\\nr1\\n"\n');
  Deno.chmodSync(path, 0o755);
}
