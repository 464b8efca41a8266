// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { complaintsOf, objectsOf } from "./module_build.ts";

const KBUILD = `obj-m := dm-remap.o
dm-remap-y := a.o b.o \\
	      c.o

probes := d.o
`;
const CLEAN = `make: Entering directory '/tmp/x'
  CC [M]  /tmp/x/a.o
  CHECK   /tmp/x/a.c
  CC [M]  b.o
  CHECK   b.c
  LD [M]  dm-remap.ko
`;

Deno.test("the objects of the module come from its Kbuild file, over all lines", () => {
  assert.deepEqual(objectsOf(KBUILD), ["a.o", "b.o", "c.o"]);
  assert.deepEqual(objectsOf("obj-m := x.o\n"), []);
});

Deno.test("a build that says nothing, and whose sources have all been seen, is clean", () => {
  assert.deepEqual(complaintsOf(CLEAN, ["a.o", "b.o"]), []);
});

Deno.test("warnings and errors count, of whatever tool; a source's name does not", () => {
  const bad = [
    "a.c:8:5: warning: no previous prototype for 'f' [-Wmissing-prototypes]",
    "a.c:9:1: error: bad constant expression",
    "WARNING: modpost: dm-remap.ko: missing MODULE_DESCRIPTION()",
    "ERROR: modpost: missing symbol",
  ];
  const output = `${CLEAN}${bad.join("\n")}\n  CC [M]  my-warning.o\n`;
  assert.deepEqual(complaintsOf(output, ["a.o", "b.o"]), bad);
});

Deno.test("a source that the checker has not looked at counts", () => {
  const without = CLEAN.replaceAll(/^ *CHECK.*\n/gm, "");
  assert.deepEqual(complaintsOf(without, ["a.o", "b.o"]), [
    "a.c: not seen by sparse",
    "b.c: not seen by sparse",
  ]);
  assert.deepEqual(complaintsOf(CLEAN, ["a.o", "b.o", "c.o"]), ["c.c: not seen by sparse"]);
});
