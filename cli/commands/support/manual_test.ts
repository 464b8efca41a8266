// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { findProgram } from "../../kmod/process.ts";
import { manPage, pageFile } from "./manual.ts";
import { realTree } from "./sample_tree.ts";

const tree = realTree();

async function complaints(program: string, args: readonly string[], page: string): Promise<string> {
  const file = Deno.makeTempFileSync({ suffix: ".8" });
  try {
    Deno.writeTextFileSync(file, page);
    const { stderr } = await new Deno.Command(program, {
      args: [...args, file],
      env: { LC_ALL: "C.UTF-8", MANWIDTH: "80" },
      stdout: "null",
    }).output();
    return new TextDecoder().decode(stderr);
  } finally {
    Deno.removeSync(file);
  }
}

Deno.test("every command has a page with all sections", () => {
  for (const command of tree) {
    const page = manPage(command, "1.2.3");
    for (
      const title of ["NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "EXAMPLES", "SEE ALSO"]
    ) {
      assert.ok(page.includes(`.SH ${title}\n`), `${pageFile(command.path)} lacks ${title}`);
    }
  }
});

for (
  const [program, args] of [
    ["man", ["--warnings", "-l"]],
    ["groff", ["-ww", "-man", "-Tutf8", "-z"]],
  ] as const
) {
  Deno.test({
    name: `${program} has nothing to say against the pages`,
    ignore: findProgram(program) === undefined,
    fn: async () => {
      for (const command of tree) {
        const said = await complaints(program, args, manPage(command, "1.2.3"));
        assert.equal(said, "", pageFile(command.path));
      }
    },
  });
}

Deno.test("control characters and dashes are escaped", () => {
  const [root] = tree;
  assert.ok(root !== undefined);
  const doc = { ...root.doc, notes: [".SH evil", "a\\b -c 'd' `e`"] };
  const page = manPage({ ...root, doc }, "1");
  assert.ok(page.includes("\n\\&.SH evil\n"));
  assert.ok(page.includes("a\\eb \\-c \\(aqd\\(aq \\(gae\\(ga"));
});
