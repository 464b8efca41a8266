// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { makeBuildFolder } from "./build_folder.ts";
import { exec } from "./exec.ts";

Deno.test("a build folder hands target, module and variables on, whatever make is asked for", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const root = `${dir}/it's a root`;
    const headers = "/usr/src/headers";
    await Deno.mkdir(`${root}${headers}`, { recursive: true });
    await Deno.writeTextFile(`${root}${headers}/.config`, "CONFIG_X=y\n");
    await makeBuildFolder(`${dir}/build`, { root, headers });
    assert.equal(await Deno.readTextFile(`${dir}/build/.config`), "CONFIG_X=y\n");
    const script = await Deno.readTextFile(`${dir}/build/inside`);
    await exec(["sh", "-n", `${dir}/build/inside`]);
    assert.match(script, /it'\\''s a root/);
    // Going inside takes root: what would be done there is told instead.
    await Deno.writeTextFile(`${dir}/build/inside`, '#!/bin/sh\necho "$1 $2 $W $C"\n');
    const make = (...args: string[]) => exec(["make", "-s", "-C", `${dir}/build`, ...args]);
    assert.equal(await make(`M=${dir}`, "W=1", "C=2", "modules"), `${dir} modules 1 2\n`);
    assert.equal(await make(`M=${dir}`), `${dir} modules  \n`);
    assert.equal(await make(`M=${dir}`, "a.o", "clean"), `${dir} a.o  \n${dir} clean  \n`);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
