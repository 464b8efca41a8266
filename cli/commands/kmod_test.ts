// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { moduleState } from "../kmod/state.ts";
import { FakeMapper, runTool } from "./support/fake_mapper.ts";

const unloaded = !moduleState().loaded;

Deno.test({
  name: "status and unload of a module that is not loaded: exit code 6",
  ignore: !unloaded,
  fn: async () => {
    const status = await runTool(["kmod", "status", "--json"]);
    assert.equal(status.code, 6);
    const fields = JSON.parse(status.out);
    assert.deepEqual([fields.loaded, fields.loaded_version, fields.differs], [false, null, false]);
    assert.match(fields.embedded_version, /^\d+\.\d+\.\d+$/);
    assert.equal((await runTool(["kmod", "unload"], new FakeMapper({}))).code, 6);
  },
});

Deno.test("dry runs print commands and run none", async () => {
  assert.match((await runTool(["kmod", "build", "-n"])).out, /^make -j\d+ KDIR=\/lib\/modules/);
  assert.equal((await runTool(["kmod", "unload", "-n"])).out, "rmmod dm_remap\n");
  const load = await runTool(["kmod", "load", "-n", "--path", "/x y.ko", "debug_level=1"]);
  assert.equal(load.out, "modprobe dm-mod\ninsmod '/x y.ko' debug_level=1\n");
});

Deno.test("a missing kernel's headers are asked for by their package", async () => {
  const { code, err } = await runTool(["kmod", "build", "--release", "6.1.0-1-amd64", "--json"]);
  assert.equal(code, 1);
  const { error } = JSON.parse(err);
  assert.equal(error.code, "build-tools-missing");
  assert.match(error.cure, /linux-headers-6\.1\.0-1-amd64/);
});

Deno.test("module parameters are NAME=VALUE", async () => {
  assert.equal((await runTool(["kmod", "load", "max_remaps"])).code, 2);
  assert.equal((await runTool(["kmod", "load", "a=b;reboot", "-n"])).code, 2);
});
