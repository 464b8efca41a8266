// SPDX-License-Identifier: GPL-2.0-only
// Man pages in the man(7) macros. A pure function of the command tree.
import { EXIT_MEANINGS } from "../../output/exit_codes.ts";
import { PROGRAM } from "./command_doc.ts";
import type { ArgumentModel, CommandModel, OptionModel } from "./tree_model.ts";

/** System administration commands. */
const SECTION = "8";

/** The page's name without its section: `dmremap-ts-kmod-build`. */
function pageName(path: readonly string[]): string {
  return [PROGRAM, ...path].join("-");
}

/** The page's file: `dmremap-ts-kmod-build.8`. */
export function pageFile(path: readonly string[]): string {
  return `${pageName(path)}.${SECTION}`;
}

/** The man page of a command. It has no date, so that the same tree gives the same page. */
export function manPage(command: CommandModel, version: string): string {
  const name = pageName(command.path);
  return [
    `.TH ${escape(name.toUpperCase())} ${SECTION} "" "${PROGRAM} ${escape(version)}" "dm\\-remap"`,
    ".SH NAME",
    `${escape(name)} \\- ${escape(command.summary)}`,
    ".SH SYNOPSIS",
    synopsis(command),
    ".SH DESCRIPTION",
    [command.description, ...command.doc.notes ?? []].map(escapeText).join("\n.PP\n"),
    section(
      "COMMANDS",
      command.children.map((child) => [`\\fB${escape(child.name)}\\fR`, child.summary]),
    ),
    section("ARGUMENTS", command.arguments.map(argumentEntry)),
    section("OPTIONS", command.options.map(optionEntry)),
    section("COMMON OPTIONS", command.globals.map(optionEntry)),
    section(
      "EXIT STATUS",
      command.doc.exits.map((code) => [`\\fB${code}\\fR`, EXIT_MEANINGS[code]]),
    ),
    section(
      "EXAMPLES",
      command.doc.examples.map((
        [typed, does],
      ) => [`\\fB${escape(`${PROGRAM} ${typed}`)}\\fR`, does]),
    ),
    seeAlso(command),
  ].filter((part) => part !== "").join("\n") + "\n";
}

type Entry = readonly [term: string, text: string];

function section(title: string, entries: readonly Entry[]): string {
  if (entries.length === 0) return "";
  const paragraphs = entries.map(([term, text]) => `.TP\n${term}\n${escapeText(text)}`);
  return [`.SH ${title}`, ...paragraphs].join("\n");
}

function synopsis(command: CommandModel): string {
  const words = [PROGRAM, ...command.path].map(escape).join(" ");
  const parts = [`.B ${words}`];
  if (command.children.length > 0) parts.push(".I COMMAND");
  parts.push(".RI [ OPTION ...]");
  for (const argument of command.arguments) {
    const name = escape(argument.name.toUpperCase());
    const dots = argument.variadic ? "..." : "";
    if (!argument.required) parts.push(`.RI [ ${name} ${dots}]`);
    else parts.push(dots === "" ? `.I ${name}` : `.IR ${name} ...`);
  }
  return parts.join("\n");
}

function argumentEntry(argument: ArgumentModel): Entry {
  const dots = argument.variadic ? "..." : "";
  return [`\\fI${escape(argument.name.toUpperCase())}\\fR${dots}`, withChoices(argument)];
}

function optionEntry(option: OptionModel): Entry {
  const value = option.value === undefined ? "" : ` \\fI${escape(option.value.toUpperCase())}\\fR`;
  const words = [option.short, option.long].flatMap((word) =>
    word === undefined ? [] : `\\fB${escape(word)}\\fR`
  );
  return [`${words.join(", ")}${value}`, withChoices(option)];
}

function withChoices(
  of: { readonly description: string; readonly choices: readonly string[] },
): string {
  return of.choices.length === 0 ? of.description : `${of.description} (${of.choices.join(", ")})`;
}

function seeAlso(command: CommandModel): string {
  const parent = command.path.length === 0 ? [] : [pageName(command.path.slice(0, -1))];
  const pages = [
    ...parent,
    ...command.children.map((child) => pageName([...command.path, child.name])),
  ].map((name) => `.BR ${escape(name)} (${SECTION}),`);
  return [".SH SEE ALSO", [...pages, ".BR dmsetup (8)"].join(",\n")].join("\n");
}

/** A line of running text: no line may start with a control character. */
function escapeText(text: string): string {
  return escape(text).replace(/^(?=[.'])/gm, "\\&");
}

function escape(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll("`", "\\(ga")
    .replaceAll("'", "\\(aq").replaceAll('"', "\\(dq").replaceAll("~", "\\(ti").replaceAll(
      "^",
      "\\(ha",
    );
}
