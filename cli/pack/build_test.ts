// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { asProgram, PackError, run, withoutMachinePaths } from "./build.ts";

Deno.test("where npm packages lay on the packing machine is not in the bundle", () => {
  const bundle = (cache: string): string =>
    withoutMachinePaths([
      `// ${cache}/npm/registry.example/commander/15.0.0/lib/command.js`,
      `  "${cache}/npm/registry.example/@scope/name/1.2.3/index.js"(exports, module2) {`,
      `const kept = "/npm/registry.example/text";`,
    ].join("\n"));
  assert.equal(bundle("../../root/.cache/deno"), bundle("../../../home/somebody/x"));
  assert.match(
    bundle("../../root/.cache/deno"),
    /^\/\/ npm:\/commander\/15\.0\.0\/lib\/command\.js$/m,
  );
  assert.match(bundle("x"), /"npm:\/@scope\/name\/1\.2\.3\/index\.js"\(exports/);
  assert.match(bundle("x"), /const kept = "\/npm\/registry\.example\/text";/);
});

Deno.test("the program is one function, whatever the bundle ends with", () => {
  const program: unknown = new Function(`return ${asProgram("module.exports.x = 1; // end")}`)();
  assert.ok(typeof program === "function");
  const module = { exports: {} };
  program(() => undefined, module, module.exports);
  assert.deepEqual(module.exports, { x: 1 });
});

Deno.test("a step that fails says what it wrote", async () => {
  await assert.rejects(run("sh", ["-c", "echo broken >&2; exit 3"], "/"), (error) => {
    assert.ok(error instanceof PackError);
    assert.match(error.message, /sh -c ended with 3:\nbroken/);
    return true;
  });
});
