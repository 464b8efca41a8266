// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { join } from "node:path";
import { canLoadModules, hasDeviceMapper, lockdownMode, moduleState } from "./state.ts";

function tree(files: Readonly<Record<string, string>>): string {
  const root = Deno.makeTempDirSync();
  for (const [path, content] of Object.entries(files)) {
    Deno.mkdirSync(join(root, path, ".."), { recursive: true });
    Deno.writeTextFileSync(join(root, path), content);
  }
  return root;
}

Deno.test("no folder, no module", () => {
  assert.deepEqual(moduleState(tree({})), { loaded: false, parameters: {} });
});

Deno.test("version, users and parameters of a loaded module", () => {
  const sysfs = tree({
    "module/dm_remap/version": "1.1.0\n",
    "module/dm_remap/refcnt": "2\n",
    "module/dm_remap/parameters/max_remaps": "1024\n",
    "module/dm_remap/parameters/debug_level": "0\n",
  });
  assert.deepEqual(moduleState(sysfs), {
    loaded: true,
    version: "1.1.0",
    users: 2,
    parameters: { debug_level: "0", max_remaps: "1024" },
  });
});

Deno.test("what the kernel offers", () => {
  assert.ok(!canLoadModules(tree({})));
  assert.ok(canLoadModules(tree({ modules: "" })));
  assert.ok(hasDeviceMapper(tree({ devices: "Block devices:\n  8 sd\n253 device-mapper\n" })));
  assert.ok(!hasDeviceMapper(tree({ devices: "Block devices:\n  8 sd\n" })));
  assert.equal(lockdownMode(tree({})), undefined);
  const locked = tree({ "kernel/security/lockdown": "none [integrity] confidentiality\n" });
  assert.equal(lockdownMode(locked), "integrity");
});
