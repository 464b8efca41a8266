// SPDX-License-Identifier: GPL-2.0-only
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { buildModule, type BuildOptions, planBuild } from "../kmod/build.ts";
import { document } from "./support/command_doc.ts";
import { showCommands } from "./support/plan.ts";
import type { Session } from "./support/session.ts";

/** `kmod build` */
export function registerKmodBuild(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("build")
    .summary("build the module for a kernel")
    .description(
      "Builds the module from the sources in this program against a kernel's headers. Needs make, " +
        "gcc and the headers, but not root.",
    )
    .option("--release <release>", "the kernel's release, as uname -r prints it")
    .option("--kdir <dir>", "the folder of the kernel's headers")
    .option("--output <dir>", "put dm-remap.ko there instead of into the cache")
    .option("--fresh", "build even if the cache has this module")
    .action(async ({ release, kdir, output, fresh }) => {
      const { out } = session;
      const options: BuildOptions = {
        ...release === undefined ? {} : { release },
        ...kdir === undefined ? {} : { kdir },
        ...output === undefined ? {} : { outDir: output },
        ...fresh === undefined ? {} : { fresh },
        signal: session.signal,
        onStep: (step) => out.note(step),
      };
      const plan = planBuild(options);
      if (session.dryRun) return showCommands(out, [plan.command]);
      const built = await buildModule(options);
      out.detail(built.log.trimEnd());
      out.result(
        { path: built.path, release: plan.release, kdir: plan.kdir, cached: built.cached },
        () => built.path,
      );
    });
  document(command, {
    notes: ["Prints the path of the module. --verbose shows what the compiler wrote."],
    examples: [
      ["kmod build", "for the running kernel"],
      ["kmod build --release 6.1.0-56-amd64 --output .", "for another kernel, into this folder"],
    ],
    exits: [0, 1, 2, 130],
  });
}
