// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { parseModuleInfo, vermagicRelease } from "./modinfo.ts";
import { fakeModule } from "./fake_module.ts";

Deno.test("reads the section's fields", () => {
  const info = parseModuleInfo(fakeModule({
    name: "dm_remap",
    version: "1.1.0",
    vermagic: "6.1.0-56-amd64 SMP preempt mod_unload modversions ",
    depends: "dm-mod,libcrc32c",
    parm: ["max_remaps:the most", "debug_level:0: little, 1: more"],
    parmtype: ["max_remaps:uint", "typed_only:uint"],
  }));
  assert.equal(info.name, "dm_remap");
  assert.equal(info.version, "1.1.0");
  assert.equal(vermagicRelease(info.vermagic ?? ""), "6.1.0-56-amd64");
  assert.deepEqual(info.depends, ["dm-mod", "libcrc32c"]);
  assert.deepEqual(info.parameters, ["debug_level", "max_remaps", "typed_only"]);
});

Deno.test("a module that depends on nothing", () => {
  assert.deepEqual(parseModuleInfo(fakeModule({ depends: "" })).depends, []);
});

Deno.test("anything else is refused by name", () => {
  assert.throws(() => parseModuleInfo(new Uint8Array(10)), /not an ELF file/);
  assert.throws(() => parseModuleInfo(new TextEncoder().encode("#!".repeat(64))), /not an ELF/);
  const cut = fakeModule({ name: "x" }).subarray(0, 100);
  assert.throws(() => parseModuleInfo(cut), /cut off/);
});
