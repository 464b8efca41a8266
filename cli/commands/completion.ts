// SPDX-License-Identifier: GPL-2.0-only
import { Argument, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { document } from "./support/command_doc.ts";
import { bashCompletion } from "./support/completion_bash.ts";
import { fishCompletion } from "./support/completion_fish.ts";
import { zshCompletion } from "./support/completion_zsh.ts";
import type { Session } from "./support/session.ts";
import { modelTree } from "./support/tree_model.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;
const GENERATORS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };

/** `completion SHELL` */
export function registerCompletion(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("completion")
    .summary("print a completion script for a shell")
    .description("Prints a script that completes commands, options and the names of devices.")
    .addArgument(new Argument("<shell>", "the shell").choices(SHELLS))
    .action((shell) => {
      const script = GENERATORS[shell](modelTree(parent));
      session.out.result({ shell, script }, () => script.trimEnd());
    });
  document(command, {
    examples: [
      ["completion bash >/etc/bash_completion.d/dmremap-ts", "for all users of bash"],
      ["completion zsh >/usr/local/share/zsh/site-functions/_dmremap-ts", "for zsh"],
      ["completion fish >~/.config/fish/completions/dmremap-ts.fish", "for fish"],
    ],
    exits: [0, 1, 2, 130],
  });
}
