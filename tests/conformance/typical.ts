// SPDX-License-Identifier: GPL-2.0-only
// Arguments with which a command does its work, as far as that can be said of any command.
import type { ArgumentModel, CommandModel } from "../../cli/commands/support/tree_model.ts";
import { typed } from "./tool.ts";

/** Where files are: a folder of {@linkcode Folder}'s kind. */
export interface Files {
  at(name: string): string;
}

/** What has to be said besides the arguments. A new command is tried without. */
const OPTIONS: Readonly<Record<string, (at: Files["at"]) => string[]>> = {
  "meta restore": (at) => ["--input", at("table.txt"), "--yes"],
  "meta repair": (at) => ["--output", at("new"), "--yes"],
  "snapshot restore": (at) => ["--output", at("new"), "--yes"],
  // What is there already is refused before anything is written, which would try nothing.
  "snapshot export": () => ["--force"],
  "snapshot prune": () => ["--keep-last", "1", "--yes"],
  "snapshot take": (at) => ["--offline", at("good")],
  "kmod build": (at) => ["--release", "none", "--kdir", at("headers"), "--output", at("out")],
  "deploy install": (at) => ["--root", at("out")],
  // It would take minutes, and tests/vm has that.
  "selftest": () => ["--dry-run"],
};

/** In the place of one of these, another one has to go. */
const INSTEAD: Readonly<Record<string, (at: Files["at"]) => string[]>> = {
  "meta repair --backup": () => ["--in-place", "--yes"],
  "snapshot restore --spare": () => ["--yes"],
  "snapshot restore --backup": (at) => ["--spare", at("good"), "--in-place", "--yes"],
  "man --all": () => [],
};

/** What an argument is called, after the command if it is something else there. */
const SAMPLES: Readonly<Record<string, string>> = {
  "meta repair dev": "one-broken",
  "meta restore dev": "blank",
  "dev": "good",
  "snapshot import file": "snapshot.json",
  "snapshot export file": "new",
  "file": "blocks.txt",
  "main": "main",
  "spare": "blank",
  "new_main": "blank",
  "new_disk": "blank",
};
const WORDS: Readonly<Record<string, string>> = {
  name: "conformance-none",
  id: "1",
  other: "2",
  sectors: "0+8",
};

/** The optional arguments that are needed all the same. */
const WANTED = new Set(["snapshot diff other"]);

/** Required arguments, and what the command does not go without. */
export function typicalArguments(
  command: CommandModel,
  { at }: Files,
  replaced: { readonly name?: string; readonly value?: string } = {},
): string[] {
  const own = typed(command);
  const place = `${own} ${replaced.name ?? ""}`;
  const values = command.arguments.filter(({ name, required }) =>
    required || name === replaced.name || WANTED.has(`${own} ${name}`)
  ).map((argument) =>
    argument.name === replaced.name ? replaced.value! : sample(own, argument, at)
  );
  const options = (INSTEAD[place] ?? OPTIONS[own])?.(at) ?? [];
  const store = command.options.some(({ long }) => long === "--store")
    ? ["--store", at("store")]
    : [];
  return [...command.path, ...values, ...replacing([...options, ...store], replaced)];
}

function sample(own: string, { name, choices }: ArgumentModel, at: Files["at"]): string {
  const file = SAMPLES[`${own} ${name}`] ?? SAMPLES[name];
  return file === undefined ? choices[0] ?? WORDS[name] ?? "x" : at(file);
}

function replacing(
  words: readonly string[],
  { name, value }: { readonly name?: string; readonly value?: string },
): string[] {
  if (name?.startsWith("--") !== true) return [...words];
  const at = words.indexOf(name);
  if (at < 0) return [...words, name, value!];
  return [...words.slice(0, at + 1), value!, ...words.slice(at + 2)];
}

/** A place on the command line where a file, a folder or a device is expected. */
export interface FilePlace {
  readonly command: CommandModel;
  /** Of an argument, or of an option with its dashes. */
  readonly name: string;
}

const FILES = new Set(["file", "directory"]);
/** Values of options that are devices, or images of them. */
const DEVICES = new Set(["device", "spare", "main"]);

/** All of them. */
export function filePlaces(commands: readonly CommandModel[]): FilePlace[] {
  return commands.flatMap((command) => [
    ...command.arguments.filter(({ kind }) => FILES.has(kind)).map(({ name }) => ({
      command,
      name,
    })),
    ...command.options.filter(({ kind, long, value = "" }) =>
      FILES.has(kind) || DEVICES.has(value) && long !== "--live"
    ).map(({ long }) => ({ command, name: long })),
  ]);
}

/** Further ways to use a command, each of which does something else than the typical one. */
const MORE: readonly (readonly string[])[] = [
  ["snapshot", "show", "1", "--entries", "--store", "@store"],
  ["snapshot", "export", "all", "@new", "--format", "sqlite", "--store", "@store"],
  ["snapshot", "export", "1", "-", "--store", "@store"],
  ["snapshot", "restore", "1", "--spare", "@blank", "--yes", "--store", "@store"],
  ["meta", "repair", "@one-broken", "--in-place", "--yes"],
  ["man", "--all", "@out"],
  ["selftest", "list"],
];

/** What every command does that needs no device; the names of files begin with `@`. */
export function deeds(commands: readonly CommandModel[]): (readonly string[])[] {
  const at = (name: string) => `@${name}`;
  return [...commands.map((command) => typicalArguments(command, { at })), ...MORE];
}

/** With the names of files below a folder. */
export function placed(words: readonly string[], { at }: Files): string[] {
  return words.map((word) => word.startsWith("@") ? at(word.slice(1)) : word);
}
