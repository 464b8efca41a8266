// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { LoadError, ModuleMissingError } from "./errors.ts";
import { fakeModule } from "./fake_module.ts";
import { checkModule, loadModule, planLoad, unloadModule } from "./load.ts";
import { canLoadModules, moduleState } from "./state.ts";

Deno.test("a plan builds only where no module file is given", () => {
  const built = planLoad({ parameters: ["debug_level=1"] });
  assert.equal(built[0]?.[0], "make");
  assert.deepEqual(built.at(-1), ["insmod", "dm-remap.ko", "debug_level=1"]);
  assert.deepEqual(planLoad({ path: "/x/dm-remap.ko" }), [
    ["modprobe", "dm-mod"],
    ["insmod", "/x/dm-remap.ko"],
  ]);
});

Deno.test("a plan names what a module file needs", async () => {
  const path = await Deno.makeTempFile();
  await Deno.writeFile(path, fakeModule({ depends: "dm-mod,libcrc32c" }));
  assert.deepEqual(planLoad({ path }), [
    ["modprobe", "dm-mod"],
    ["modprobe", "libcrc32c"],
    ["insmod", path],
  ]);
  await Deno.remove(path);
});

Deno.test({
  name: "a kernel without modules is told apart from a failed load",
  ignore: canLoadModules(),
  fn: () => assert.rejects(loadModule({ path: "/nonexistent" }), ModuleMissingError),
});

Deno.test({
  name: "what is not loaded cannot be unloaded",
  ignore: moduleState().loaded,
  fn: () => assert.rejects(unloadModule([]), ModuleMissingError),
});

Deno.test("what the kernel would refuse or misread is found before", () => {
  const path = Deno.makeTempFileSync();
  const fields = { name: "dm_remap", vermagic: "6.1.0-1-amd64 SMP", parmtype: "debug_level:uint" };
  const check = (changes: Record<string, string>, parameters: string[] = []) => {
    Deno.writeFileSync(path, fakeModule({ ...fields, ...changes }));
    return checkModule(path, parameters, "6.1.0-1-amd64");
  };
  const refuses = (message: RegExp, changes: Record<string, string>, parameters?: string[]) =>
    assert.throws(
      () => check(changes, parameters),
      (error) => error instanceof LoadError && message.test(error.message),
    );
  try {
    assert.equal(check({}, ["debug_level=1"]).name, "dm_remap");
    refuses(/is the module dm_flakey/, { name: "dm_flakey" });
    refuses(/built for kernel 6\.12\.1-amd64/, { vermagic: "6.12.1-amd64 SMP" });
    refuses(/no parameter nonsense/, {}, ["nonsense=1"]);
    assert.throws(() => checkModule("/etc/passwd", []), /not a module/);
  } finally {
    Deno.removeSync(path);
  }
});
