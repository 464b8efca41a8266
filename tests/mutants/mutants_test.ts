// SPDX-License-Identifier: GPL-2.0-only
// What can be said of the mutants without running them.
import assert from "node:assert/strict";
import { join } from "node:path";
import { KERNEL_LOG, readMutants, TIMEOUT } from "./patch.ts";
import { applyTo } from "./tree.ts";

const here = import.meta.dirname ?? ".";
const root = join(here, "..", "..");
const mutants = await readMutants(here);

Deno.test("each mutant applies to the tree as it is", async () => {
  const against: string[] = [];
  for (const mutant of mutants) {
    const why = await applyTo(root, mutant, ["--check"]);
    if (why !== undefined) against.push(`${mutant.name}: ${why}`);
  }
  assert.deepEqual(against, []);
});

Deno.test("each changes what its folder says, and no test", () => {
  for (const { name, files } of mutants) {
    const allowed = name.startsWith("kmod/") ? /^kmod\/[^/]+\.[ch]$/ : /^(cli|ffi)\/.+\.ts$/;
    for (const file of files) {
      assert.match(file, allowed, name);
      assert.doesNotMatch(file, /_test\.ts$/, name);
    }
  }
});

Deno.test("each change is another one", () => {
  const changes = mutants.map(({ diff }) => diff.replaceAll(/^(index|@@) .*$/gm, ""));
  assert.equal(new Set(changes).size, mutants.length);
});

Deno.test("a command names programs of this repository, and a test that is to notice", () => {
  for (const { name, command, caughtBy } of mutants) {
    assert.equal(command[0], "deno", name);
    const paths = command.filter((word) => /^(cli|ffi|tests)\//.test(word));
    assert(paths.length > 0, name);
    for (const path of paths) assert(Deno.statSync(join(root, path)), `${name}: ${path}`);
    // Less would be in the name of almost any test.
    if (caughtBy !== KERNEL_LOG && caughtBy !== TIMEOUT) assert(caughtBy.length >= 4, name);
  }
});

Deno.test("each file of the module has one", () => {
  const changed = new Set(mutants.flatMap(({ files }) => files));
  const sources = [...Deno.readDirSync(join(root, "kmod"))]
    .map(({ name }) => `kmod/${name}`)
    .filter((path) => /\/dm-remap-[\w-]+\.c$/.test(path));
  assert(sources.length > 40);
  assert.deepEqual(sources.filter((path) => !changed.has(path)), []);
});

Deno.test("each promise is broken by one, and there are as many as were asked for", () => {
  const broken = new Set(mutants.map(({ breaks }) => breaks.split(":")[0]));
  for (let promise = 1; promise <= 10; promise++) assert(broken.has(`promise ${promise}`));
  const count = (folder: string) => mutants.filter(({ name }) => name.startsWith(folder)).length;
  assert(count("kmod/") >= 40 && count("cli/") >= 20);
});
