// SPDX-License-Identifier: GPL-2.0-only
// bash completion: a table of the commands, and a small walk over the words typed so far.
import { PROGRAM } from "./command_doc.ts";
import { type CommandModel, type OptionModel, optionWords } from "./tree_model.ts";

/** The script that `source <(dmremap-ts completion bash)` reads. */
export function bashCompletion(tree: readonly CommandModel[]): string {
  return `# bash completion for ${PROGRAM}; made by \`${PROGRAM} completion bash\`

# Sets commands, options, valued (options with a value) and places (what stands where) of a command.
_dmremap_ts_table() {
  commands="" options="" valued="" places=""
  case "$1" in
${tree.map(commandCase).join("\n")}
    *) return 1 ;;
  esac
}

# Prints what an option takes: words to choose from, or @file, @directory, @device.
_dmremap_ts_values() {
  case "$1" in
${tree.flatMap(valueCases).join("\n")}
  esac
}

_dmremap_ts_reply() {
  local kind=$1 program=$2 current=$3
  case "$kind" in
    @device) mapfile -t COMPREPLY < <(compgen -W "$("$program" list --names 2>/dev/null)" -- "$current") ;;
    @file) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    @directory) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
    *) mapfile -t COMPREPLY < <(compgen -W "$kind" -- "$current") ;;
  esac
}

_dmremap_ts() {
  local program=$1 current=\${COMP_WORDS[COMP_CWORD]} path="" place=0 index word last=""
  local commands options valued places
  COMPREPLY=()
  _dmremap_ts_table ""
  for ((index = 1; index < COMP_CWORD; index++)); do
    word=\${COMP_WORDS[index]}
    last=""
    if [[ $word == -* ]]; then
      [[ " $valued " == *" $word "* ]] || continue
      # bash makes words of --option=value: the option, an equals sign, the value.
      [[ \${COMP_WORDS[index + 1]} == "=" ]] && ((index++))
      ((index++))
      ((index >= COMP_CWORD)) && last=$word
    elif [[ $place -eq 0 && " $commands " == *" $word "* ]]; then
      path="$path/$word"
      _dmremap_ts_table "$path"
    else
      ((place++))
    fi
  done
  if [[ -n $last ]]; then
    [[ $current == "=" ]] && current=""
    _dmremap_ts_reply "$(_dmremap_ts_values "$path $last")" "$program" "$current"
  elif [[ $current == -* ]]; then
    _dmremap_ts_reply "$options" "$program" "$current"
  elif [[ -n $commands ]]; then
    _dmremap_ts_reply "$commands" "$program" "$current"
  else
    local -a kinds
    IFS="|" read -ra kinds <<<"$places"
    local count=\${#kinds[@]}
    ((count == 0)) && return
    if ((place >= count)); then
      # A last place that ends in + takes any number of words.
      [[ \${kinds[count - 1]} == *+ ]] || return
      place=$((count - 1))
    fi
    _dmremap_ts_reply "\${kinds[place]%+}" "$program" "$current"
  fi
}

complete -F _dmremap_ts ${PROGRAM}
`;
}

function commandCase(command: CommandModel): string {
  const all = [...command.options, ...command.globals];
  const fields = {
    commands: command.children.map((child) => child.name).join(" "),
    options: all.flatMap(optionWords).join(" "),
    valued: all.filter((option) => option.value !== undefined).flatMap(optionWords).join(" "),
    places: command.arguments.map((argument) => words(argument) + (argument.variadic ? "+" : ""))
      .join("|"),
  };
  const settings = Object.entries(fields).map(([name, value]) => `${name}="${value}"`).join(" ");
  return `    "${key(command)}") ${settings} ;;`;
}

function valueCases(command: CommandModel): string[] {
  return [...command.options, ...command.globals].filter(takesKnownWords).map((option) => {
    const patterns = optionWords(option).map((word) => `"${key(command)} ${word}"`).join(" | ");
    return `    ${patterns}) echo "${words(option)}" ;;`;
  });
}

function takesKnownWords(option: OptionModel): boolean {
  return option.value !== undefined && words(option) !== "";
}

function words(of: { readonly choices: readonly string[]; readonly kind: string }): string {
  if (of.choices.length > 0) return of.choices.join(" ");
  return of.kind === "none" || of.kind === "command" ? "" : `@${of.kind}`;
}

function key(command: CommandModel): string {
  return command.path.map((word) => `/${word}`).join("");
}
