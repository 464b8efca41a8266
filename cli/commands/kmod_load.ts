// SPDX-License-Identifier: GPL-2.0-only
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { UsageError } from "../device/errors.ts";
import { loadModule, type LoadOptions, MODULE_VARIABLE, planLoad } from "../kmod/load.ts";
import { document } from "./support/command_doc.ts";
import { showCommands } from "./support/plan.ts";
import type { Session } from "./support/session.ts";

/** `kmod load` */
export function registerKmodLoad(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("load")
    .summary("load the module, building it if that is needed")
    .description("Loads the module into the running kernel. Builds it first if that is needed.")
    .argument("[parameters...]", "module parameters, such as max_remaps=4096 or debug_level=1")
    .option("--path <file>", "load this module file instead of building one")
    .action(async (parameters, { path }) => {
      for (const parameter of parameters) checkParameter(parameter);
      const { out } = session;
      const options: LoadOptions = {
        parameters,
        ...path === undefined ? {} : { path },
        signal: session.signal,
        onStep: (step) => out.note(step),
      };
      if (session.dryRun) return showCommands(out, planLoad(options));
      const { alreadyLoaded, ...loaded } = await loadModule(options);
      const version = loaded.version ?? "of unknown version";
      if (alreadyLoaded && parameters.length > 0) {
        out.warn("the module was loaded already, its parameters stay as they are");
      }
      out.done(
        { loaded: true, already_loaded: alreadyLoaded, ...loaded },
        `module ${version} ${alreadyLoaded ? "was loaded already" : "loaded"}`,
      );
    });
  document(command, {
    notes: [
      `The environment variable ${MODULE_VARIABLE} names a module file to load instead.`,
      "Where Secure Boot is on, the kernel takes signed modules only; the message says so.",
    ],
    examples: [
      ["kmod load", "with the module's defaults"],
      ["kmod load max_remaps=4096", "with a parameter"],
      ["kmod load -n", "show the commands that would be run"],
    ],
    exits: [0, 1, 2, 6, 130],
  });
}

function checkParameter(text: string): void {
  if (/^[a-z_]+=[\w.,-]+$/.test(text)) return;
  throw new UsageError(`${JSON.stringify(text)} is not a module parameter`, {
    cure: "write NAME=VALUE",
  });
}
