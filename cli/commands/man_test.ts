// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { runTool } from "./support/fake_mapper.ts";

Deno.test("the page of a command, by its words", async () => {
  assert.match(
    (await runTool(["man", "kmod", "build"])).out,
    /^\.TH DMREMAP\\-TS\\-KMOD\\-BUILD 8/,
  );
  assert.match((await runTool(["man"])).out, /^\.TH DMREMAP\\-TS 8/);
  assert.equal((await runTool(["man", "nonsense"])).code, 2);
});

Deno.test("all pages into a folder", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    const dry = await runTool(["man", "--all", folder, "-n"]);
    assert.match(dry.out, /dmremap-ts-status\.8\n/);
    assert.deepEqual([...Deno.readDirSync(folder)], []);
    assert.equal((await runTool(["man", "--all", folder])).code, 0);
    const names = [...Deno.readDirSync(folder)].map((entry) => entry.name);
    assert.ok(names.includes("dmremap-ts.8"));
    assert.ok(names.includes("dmremap-ts-kmod-load.8"));
    assert.equal((await runTool(["man", "status", "--all", folder])).code, 2);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
