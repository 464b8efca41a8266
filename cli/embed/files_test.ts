// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { listEmbedded, NotEmbeddedError, readEmbedded, readEmbeddedText } from "./files.ts";
import { isEmbeddedPath } from "./tree.ts";

Deno.test("every listed file can be read", () => {
  const paths = listEmbedded("");
  assert.ok(paths.includes("LICENSE"));
  assert.ok(paths.length > 3);
  for (const path of paths) assert.ok(readEmbedded(path) instanceof Uint8Array, path);
});

Deno.test("a prefix narrows the list", () => {
  const paths = listEmbedded("kmod/");
  assert.ok(paths.every((path) => path.startsWith("kmod/")));
  assert.deepEqual(paths, [...paths].sort());
});

Deno.test("the licence is text", () => {
  assert.match(readEmbeddedText("LICENSE"), /GNU GENERAL PUBLIC LICENSE/);
});

Deno.test("what does not belong to the embedded files is refused, also when it exists", () => {
  for (const path of ["cli/embed/files.ts", "kmod/../deno.lock", "kmod/absent.c", "/etc/passwd"]) {
    assert.throws(() => readEmbedded(path), NotEmbeddedError, path);
  }
});

Deno.test("what a kernel build leaves behind is not embedded", () => {
  const left = ["kmod/dm-remap.ko", "kmod/a.o", "kmod/.a.o.cmd", "kmod/x.mod.c", "kmod/.tmp/a"];
  for (const path of left) assert.equal(isEmbeddedPath(path), false, path);
  for (const path of ["kmod/dm-remap-core.h", "kmod/Kbuild", "docs/install.md"]) {
    assert.equal(isEmbeddedPath(path), true, path);
  }
});
