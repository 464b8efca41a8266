// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { buildModule, planBuild } from "./build.ts";
import { BuildError, BuildToolsMissingError } from "./errors.ts";
import { findProgram } from "./process.ts";
import { moduleSources } from "./sources.ts";

/** A kernel's headers whose Makefile does `recipe` in place of a build. */
function fakeHeaders(recipe: string): { kdir: string } & Disposable {
  const kdir = Deno.makeTempDirSync();
  Deno.writeTextFileSync(join(kdir, "Makefile"), `modules:\n\t${recipe}\n`);
  return { kdir, [Symbol.dispose]: () => Deno.removeSync(kdir, { recursive: true }) };
}

const ignore = findProgram("make") === undefined || findProgram("gcc") === undefined;

Deno.test("the sources are there, and no leftovers of builds", () => {
  const paths = moduleSources().map((source) => source.path);
  assert.ok(paths.includes("Kbuild"));
  assert.ok(paths.includes("dm-remap-core.h"));
  assert.ok(!paths.some((path) => /\.(o|ko|cmd)$|\.mod/.test(path)), paths.join(" "));
});

Deno.test("a plan names release, headers and command", () => {
  const plan = planBuild({ release: "6.1.0-1-amd64" });
  assert.equal(plan.kdir, "/lib/modules/6.1.0-1-amd64/build");
  assert.ok(plan.command.includes("KDIR=/lib/modules/6.1.0-1-amd64/build"));
});

Deno.test("without headers the package is named", async () => {
  await assert.rejects(
    buildModule({ release: "6.1.0-1-amd64" }),
    (error) => error instanceof BuildToolsMissingError && /6\.1\.0-1-amd64/.test(error.cure),
  );
});

Deno.test({
  name: "a build leaves the module and its log where they were asked for",
  ignore,
  fn: async () => {
    using headers = fakeHeaders('@echo compiling; echo module >"$(M)/dm-remap.ko"');
    const outDir = join(headers.kdir, "out");
    const built = await buildModule({ release: "test", kdir: headers.kdir, outDir });
    assert.equal(built.path, join(outDir, "dm-remap.ko"));
    assert.equal(Deno.readTextFileSync(built.path), "module\n");
    assert.match(built.log, /compiling/);
    assert.deepEqual([...Deno.readDirSync(outDir)].map((entry) => entry.name).sort(), [
      "build.log",
      "dm-remap.ko",
    ]);
  },
});

Deno.test({
  name: "a module of the cache is that of these headers, and nobody else could write it",
  ignore,
  fn: async () => {
    using headers = fakeHeaders('@echo module >"$(M)/dm-remap.ko"');
    const before = Deno.env.get("XDG_CACHE_HOME");
    Deno.env.set("XDG_CACHE_HOME", join(headers.kdir, "cache"));
    try {
      const build = () => buildModule({ release: "test", kdir: headers.kdir });
      const first = await build();
      assert.deepEqual([first.cached, (await build()).cached], [false, true]);
      Deno.writeTextFileSync(join(headers.kdir, ".config"), "CONFIG_KASAN=y\n");
      const other = await build();
      assert.equal(other.cached, false);
      assert.notEqual(other.path, first.path);
      Deno.chmodSync(dirname(other.path), 0o770);
      const elsewhere = await build();
      assert.equal(elsewhere.cached, false);
      assert.notEqual(dirname(elsewhere.path), dirname(other.path));
      Deno.removeSync(dirname(elsewhere.path), { recursive: true });
    } finally {
      if (before === undefined) Deno.env.delete("XDG_CACHE_HOME");
      else Deno.env.set("XDG_CACHE_HOME", before);
    }
  },
});

Deno.test({
  name: "what the compiler says comes with the error",
  ignore,
  fn: async () => {
    using headers = fakeHeaders("@echo 'dm-remap-io.c:1: error: expected ;' >&2; exit 1");
    await assert.rejects(
      buildModule({ release: "test", kdir: headers.kdir, outDir: headers.kdir }),
      (error) => error instanceof BuildError && /expected ;/.test(error.log),
    );
  },
});
