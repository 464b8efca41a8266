// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { ModuleMissingError } from "./errors.ts";
import { loadModule, planLoad, unloadModule } from "./load.ts";
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
