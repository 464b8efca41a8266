// SPDX-License-Identifier: GPL-2.0-only
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { readEmbeddedText } from "../embed/files.ts";
import { moduleState } from "../kmod/state.ts";
import { runningRelease } from "../kmod/toolchain.ts";
import { EXIT } from "../output/exit_codes.ts";
import { formatPairs } from "../output/table.ts";
import { moduleVersion } from "../version.ts";
import { document } from "./support/command_doc.ts";
import type { Session } from "./support/session.ts";

/** `kmod status` */
export function registerKmodStatus(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("status")
    .summary("what is loaded, and what this program carries")
    .description("Compares the loaded module with the sources in this program.")
    .action(() => {
      const state = moduleState();
      const carried = moduleVersion(readEmbeddedText("kmod/dm-remap-core.h"));
      const differs = state.loaded && state.version !== carried;
      if (!state.loaded) session.exitCode = EXIT.missing;
      const parameters = Object.entries(state.parameters);
      session.out.result(
        {
          loaded: state.loaded,
          loaded_version: state.version ?? null,
          embedded_version: carried,
          differs,
          users: state.users,
          parameters: state.parameters,
          kernel_release: runningRelease(),
        },
        () =>
          formatPairs([
            ["loaded", state.loaded ? state.version ?? "yes, of unknown version" : "no"],
            ["carried", carried],
            ["kernel", runningRelease()],
            ...state.users === undefined ? [] : [["users", `${state.users}`] as const],
            ...parameters.map(([name, value]) => [name, value] as const),
          ]),
      );
      if (!state.loaded) session.out.note("load it with `dmremap-ts kmod load`");
      if (differs) {
        session.out.warn(
          "the loaded module is another version: remove the remap devices, then " +
            "`dmremap-ts kmod unload` and `dmremap-ts kmod load`",
        );
      }
    });
  document(command, {
    examples: [
      ["kmod status", "versions and parameters"],
      ["kmod status --json | jq .differs", "for a script"],
    ],
    exits: [0, 1, 2, 6, 130],
  });
}
