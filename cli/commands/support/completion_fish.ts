// SPDX-License-Identifier: GPL-2.0-only
// fish completion: one `complete` a word, each with the condition where it fits.
import { PROGRAM } from "./command_doc.ts";
import { type CommandModel, type OptionModel, optionWords } from "./tree_model.ts";

/** The script for ~/.config/fish/completions/dmremap-ts.fish. */
export function fishCompletion(tree: readonly CommandModel[]): string {
  const root = tree[0];
  const valued = tree.flatMap((command) => [...command.options, ...command.globals])
    .filter((option) => option.value !== undefined).flatMap(optionWords);
  const paths = tree.map((command) => command.path.join("/")).filter((path) => path !== "");
  return `# fish completion for ${PROGRAM}; made by \`${PROGRAM} completion fish\`

# Prints the command that was typed so far ("kmod/build"), and how many words followed it.
function __dmremap_ts_at
    set -l known ${paths.join(" ")}
    set -l valued ${[...new Set(valued)].join(" ")}
    set -l words (commandline -opc)
    set -l at ""
    set -l place 0
    set -l skip 0
    for word in $words[2..-1]
        if test $skip -eq 1
            set skip 0
        else if string match -q -- '-*' $word
            contains -- $word $valued; and set skip 1
        else
            set -l next (string trim -l -c / -- "$at/$word")
            if test $place -eq 0; and contains -- $next $known
                set at $next
            else
                set place (math $place + 1)
            end
        end
    end
    echo "$at:$place"
end

# Whether the cursor is at a command, and, if a second argument is given, at that place.
function __dmremap_ts_is
    set -l now (string split : -- (__dmremap_ts_at))
    test "$now[1]" = "$argv[1]"; or return 1
    test (count $argv) -lt 2; and return 0
    test "$argv[3]" = more; and test "$now[2]" -ge "$argv[2]"; and return 0
    test "$now[2]" -eq "$argv[2]"
end

function __dmremap_ts_devices
    ${PROGRAM} list --names 2>/dev/null
end

complete -c ${PROGRAM} -f
${(root?.globals ?? []).map((option) => optionLine(option, undefined)).join("\n")}
${tree.flatMap(commandLines).join("\n")}
`;
}

function commandLines(command: CommandModel): string[] {
  const at = command.path.join("/");
  const children = command.children.map(({ name, summary }) =>
    line(`__dmremap_ts_is "${at}" 0`, `-a ${name} -d ${quote(summary)}`)
  );
  const options = command.options.map((option) => optionLine(option, at));
  const places = command.arguments.flatMap((argument, index) => {
    const words = offers(argument);
    const more = argument.variadic ? " more" : "";
    return words === "" ? [] : line(`__dmremap_ts_is "${at}" ${index}${more}`, words);
  });
  return [...children, ...options, ...places];
}

function optionLine(option: OptionModel, at: string | undefined): string {
  const short = option.short === undefined ? "" : ` -s ${option.short.slice(1)}`;
  const value = option.value === undefined ? "" : ` -r ${offers(option)}`.trimEnd();
  const words = `${short} -l ${option.long.slice(2)} -d ${quote(option.description)}${value}`
    .trim();
  return at === undefined
    ? `complete -c ${PROGRAM} ${words}`
    : line(`__dmremap_ts_is "${at}"`, words);
}

function offers(of: { readonly choices: readonly string[]; readonly kind: string }): string {
  if (of.choices.length > 0) return `-f -a ${quote(of.choices.join(" "))}`;
  switch (of.kind) {
    case "device":
      return "-f -a '(__dmremap_ts_devices)'";
    case "file":
      return "-F";
    case "directory":
      return "-f -a '(__fish_complete_directories (commandline -ct))'";
    default:
      return "";
  }
}

function line(condition: string, rest: string): string {
  return `complete -c ${PROGRAM} -n '${condition}' ${rest}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
