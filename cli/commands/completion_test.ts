// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { runTool } from "./support/fake_mapper.ts";

Deno.test("a script a shell, no other shells", async () => {
  assert.match((await runTool(["completion", "bash"])).out, /complete -F/);
  assert.match((await runTool(["completion", "zsh"])).out, /^#compdef dmremap-ts/);
  assert.match((await runTool(["completion", "fish"])).out, /complete -c dmremap-ts/);
  assert.equal((await runTool(["completion", "csh"])).code, 2);
  const { shell, script } = JSON.parse((await runTool(["completion", "bash", "--json"])).out);
  assert.equal(shell, "bash");
  assert.match(script, /complete -F/);
});
