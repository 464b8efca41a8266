// SPDX-License-Identifier: GPL-2.0-only
// zsh completion: a function a command, each an _arguments call.
import { PROGRAM } from "./command_doc.ts";
import type { ArgumentModel, CommandModel, OptionModel } from "./tree_model.ts";

/** The script for a file `_dmremap-ts` in a folder of $fpath, or for `source`. */
export function zshCompletion(tree: readonly CommandModel[]): string {
  return `#compdef ${PROGRAM}
# zsh completion for ${PROGRAM}; made by \`${PROGRAM} completion zsh\`

_dmremap_ts_devices() {
  local -a names
  names=(\${(f)"$(${PROGRAM} list --names 2>/dev/null)"})
  compadd -a names
}

${tree.map(commandFunction).join("\n\n")}

if [[ $funcstack[1] == _${PROGRAM} ]]; then
  _dmremap_ts "$@"
else
  compdef _dmremap_ts ${PROGRAM}
fi
`;
}

function commandFunction(command: CommandModel): string {
  const options = [...command.options, ...command.globals].flatMap(optionSpecs);
  return command.children.length > 0
    ? parentFunction(command, options)
    : leafFunction(command, options);
}

function leafFunction(command: CommandModel, options: readonly string[]): string {
  const specs = [...options, ...command.arguments.map(argumentSpec)];
  return `${functionName(command.path)}() {
  _arguments -s -S \\
${specs.map((spec) => `    ${spec}`).join(" \\\n")}
}`;
}

function parentFunction(command: CommandModel, options: readonly string[]): string {
  const list = command.children.map(({ name, summary }) =>
    `    ${quote(`${name}:${colons(summary)}`)}`
  );
  const cases = command.children.map(({ name }) =>
    `        ${name}) ${functionName([...command.path, name])} ;;`
  );
  return `${functionName(command.path)}() {
  local curcontext="$curcontext" state line
  local -a subcommands
  subcommands=(
${list.join("\n")}
  )
  _arguments -C -S \\
${options.map((spec) => `    ${spec}`).join(" \\\n")} \\
    '1: :->command' \\
    '*:: :->words'
  case $state in
    command) _describe -t commands command subcommands ;;
    words)
      case $line[1] in
${cases.join("\n")}
      esac
      ;;
  esac
}`;
}

function optionSpecs(option: OptionModel): string[] {
  const description = `[${brackets(option.description)}]`;
  const value = option.value === undefined ? "" : `:${colons(option.value)}:${action(option)}`;
  const long = value === "" ? option.long : `${option.long}=`;
  const specs = [quote(`${long}${description}${value}`)];
  if (option.short !== undefined) specs.unshift(quote(`${option.short}${description}${value}`));
  return specs;
}

function argumentSpec(argument: ArgumentModel): string {
  const place = argument.variadic ? "*" : "";
  const colon = argument.required || argument.variadic ? ":" : "::";
  return quote(`${place}${colon}${colons(argument.name)}:${action(argument)}`);
}

function action(of: { readonly choices: readonly string[]; readonly kind: string }): string {
  if (of.choices.length > 0) return `(${of.choices.join(" ")})`;
  switch (of.kind) {
    case "device":
      return "_dmremap_ts_devices";
    case "file":
      return "_files";
    case "directory":
      return "_files -/";
    default:
      return " ";
  }
}

function functionName(path: readonly string[]): string {
  return ["_dmremap_ts", ...path].join("__").replaceAll("-", "_");
}

function colons(text: string): string {
  return text.replaceAll(":", "\\:");
}

function brackets(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("[", "\\[").replaceAll("]", "\\]");
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
