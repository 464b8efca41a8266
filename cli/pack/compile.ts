// SPDX-License-Identifier: GPL-2.0-only
/**
 * `deno task compile`: writes dist/dmremap-ts with `deno compile`, for those who can get its
 * `denort` runtime (it is downloaded at the first use, or named by DENORT_BIN). Where it cannot be
 * had, `deno task pack` makes the same tool from what the npm package carries.
 */
import { join } from "node:path";
import { walkEmbedded } from "../embed/tree.ts";

/** The arguments of `deno compile`; `paths` are the embedded files. */
function compileArguments(paths: readonly string[], output: string): string[] {
  const included = paths.flatMap((path) => ["--include", path]);
  return [
    "compile",
    "--allow-all",
    "--exclude-unused-npm",
    ...included,
    "--output",
    output,
    "cli/main.ts",
  ];
}

if (import.meta.main) {
  const root = join(import.meta.dirname ?? ".", "..", "..");
  const output = Deno.args[0] ?? join(root, "dist", "dmremap-ts");
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: compileArguments(walkEmbedded(root), output),
    cwd: root,
  }).output();
  Deno.exit(code);
}
