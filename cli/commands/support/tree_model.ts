// SPDX-License-Identifier: GPL-2.0-only
// The command tree as plain data, for whatever is generated from it: completions and man pages.
import type { CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { type CommandDoc, docOf, walkCommands } from "./command_doc.ts";

/** What a shell can offer for a word. */
export type WordKind = "device" | "file" | "directory" | "command" | "none";

/** An option. */
export interface OptionModel {
  readonly short: string | undefined;
  readonly long: string;
  /** The name of its value, if it takes one. */
  readonly value: string | undefined;
  readonly choices: readonly string[];
  readonly kind: WordKind;
  readonly description: string;
}

/** A word that a command takes by its place. */
export interface ArgumentModel {
  readonly name: string;
  readonly required: boolean;
  readonly variadic: boolean;
  readonly choices: readonly string[];
  readonly kind: WordKind;
  readonly description: string;
}

/** A command. */
export interface CommandModel {
  readonly path: readonly string[];
  readonly summary: string;
  readonly description: string;
  readonly arguments: readonly ArgumentModel[];
  /** Its own options. */
  readonly options: readonly OptionModel[];
  /** The options that every command takes. */
  readonly globals: readonly OptionModel[];
  readonly children: readonly { readonly name: string; readonly summary: string }[];
  readonly doc: CommandDoc;
}

/** What the name of an argument or of an option's value means. */
const KINDS: Readonly<Record<string, WordKind>> = {
  name: "device",
  main: "file",
  spare: "file",
  file: "file",
  dir: "directory",
  directory: "directory",
  command: "command",
};

const HELP: OptionModel = {
  short: "-h",
  long: "--help",
  value: undefined,
  choices: [],
  kind: "none",
  description: "show what a command does",
};

/** The program and all its commands, parents first. */
export function modelTree(program: CommandUnknownOpts): CommandModel[] {
  const globals = [...program.options.map((option) => modelOption(option)), HELP];
  return walkCommands(program).map(({ command, path }) => {
    const doc = docOf(command);
    return {
      path,
      summary: command.summary() || command.description(),
      description: command.description(),
      arguments: command.registeredArguments.map((argument) => ({
        name: argument.name(),
        required: argument.required,
        variadic: argument.variadic,
        choices: argument.argChoices ?? [],
        kind: doc.complete?.[argument.name()] ?? KINDS[argument.name()] ?? "none",
        description: argument.description,
      })),
      options: path.length === 0
        ? []
        : command.options.filter(({ hidden }) => !hidden).map((option) => modelOption(option)),
      globals,
      children: command.commands.map((child) => ({
        name: child.name(),
        summary: child.summary() || child.description(),
      })),
      doc,
    };
  });
}

function modelOption(option: Option): OptionModel {
  const value = /[<[](.+?)(?:\.\.\.)?[>\]]/.exec(option.flags)?.[1];
  return {
    short: option.short,
    long: option.long ?? option.flags,
    value,
    choices: option.argChoices ?? [],
    kind: value === undefined ? "none" : KINDS[value] ?? "none",
    description: option.description,
  };
}

/** The ways to write an option: `-n`, `--dry-run`. */
export function optionWords(option: OptionModel): string[] {
  return option.short === undefined ? [option.long] : [option.short, option.long];
}
