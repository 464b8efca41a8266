// SPDX-License-Identifier: GPL-2.0-only
import { join } from "node:path";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { UsageError } from "../device/errors.ts";
import { countOf } from "../output/units.ts";
import { versionInfo } from "../version.ts";
import { commandLine, document } from "./support/command_doc.ts";
import { manPage, pageFile } from "./support/manual.ts";
import type { Session } from "./support/session.ts";
import { modelTree } from "./support/tree_model.ts";

/** `man [COMMAND...]` */
export function registerMan(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("man")
    .summary("print the manual of a command")
    .description("Prints the man page of a command, or of the program, in roff.")
    .argument("[command...]", "the command, such as `status` or `kmod build`")
    .option("--all <dir>", "write the pages of all commands into this folder")
    .action((words, { all }) => {
      const tree = modelTree(parent);
      const version = versionInfo().tool;
      if (all !== undefined) {
        if (words.length > 0) throw new UsageError("--all takes no command");
        const files = tree.map((model) => join(all, pageFile(model.path)));
        if (!session.dryRun) {
          Deno.mkdirSync(all, { recursive: true });
          for (const [index, model] of tree.entries()) {
            Deno.writeTextFileSync(files[index] ?? "", manPage(model, version));
          }
        }
        const what = session.dryRun
          ? files.join("\n")
          : `${countOf(files.length, "page")} in ${all}`;
        return session.out.done({ dry_run: session.dryRun || undefined, files }, what);
      }
      const model = tree.find(({ path }) => path.join(" ") === words.join(" "));
      if (model === undefined) {
        throw new UsageError(`there is no command ${commandLine(words)}`);
      }
      const page = manPage(model, version);
      session.out.result({ page: pageFile(model.path), roff: page }, () => page.trimEnd());
    });
  document(command, {
    examples: [
      ["man status | man -l -", "read the page of a command"],
      ["man --all /usr/local/share/man/man8", "install all pages"],
    ],
    exits: [0, 1, 2, 130],
  });
}
