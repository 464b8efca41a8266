// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { join } from "node:path";
import { cacheRoot, digestOf, isPrivate, makePrivateFolder } from "./cache.ts";

Deno.test("the cache follows XDG, then HOME, then the system", () => {
  const env = (values: Record<string, string>) => (name: string) => values[name];
  assert.equal(cacheRoot(env({ XDG_CACHE_HOME: "/c", HOME: "/h" })), "/c/dmremap-ts");
  assert.equal(cacheRoot(env({ XDG_CACHE_HOME: "rel", HOME: "/h" })), "/h/.cache/dmremap-ts");
  assert.equal(cacheRoot(env({})), "/var/cache/dmremap-ts");
});

Deno.test("a folder that others can write to is not trusted", () => {
  const root = Deno.makeTempDirSync();
  try {
    const folder = join(root, "a", "b");
    assert.ok(makePrivateFolder(folder));
    assert.ok(isPrivate(folder));
    for (const mode of [0o777, 0o770, 0o702]) {
      Deno.chmodSync(folder, mode);
      assert.ok(!isPrivate(folder), mode.toString(8));
      assert.ok(!makePrivateFolder(folder), mode.toString(8));
    }
    Deno.chmodSync(folder, 0o755);
    assert.ok(isPrivate(folder));
    Deno.symlinkSync(root, join(root, "link"));
    assert.ok(!isPrivate(join(root, "link")));
    assert.ok(!isPrivate(join(root, "nothing")));
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});

Deno.test("the digest tells names and contents apart", async () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const one = await digestOf([["a", bytes("bc")]]);
  assert.match(one, /^[0-9a-f]{64}$/);
  assert.notEqual(one, await digestOf([["ab", bytes("c")]]));
  assert.notEqual(one, await digestOf([["a", bytes("b")], ["", bytes("c")]]));
  const two = await digestOf([["a", bytes("x")], ["b", bytes("y")]]);
  assert.notEqual(two, await digestOf([["a", bytes("xb\0y")]]));
  assert.notEqual(two, await digestOf([["b", bytes("y")], ["a", bytes("x")]]));
});
