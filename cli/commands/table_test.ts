// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { FakeMapper, runTool } from "./support/fake_mapper.ts";

Deno.test("the line as it was loaded", async () => {
  const { code, out } = await runTool(["table", "/dev/mapper/r0"], new FakeMapper({ r0: {} }));
  assert.deepEqual([code, out], [0, "0 204800 remap 4000:0 0 4000:16 0 102400 1 volatile\n"]);
});

Deno.test("its fields as JSON", async () => {
  const mapper = new FakeMapper({ r0: { table: "8:0 8 8:16 0 102400 3 volatile max_remaps 7" } });
  const { table } = JSON.parse((await runTool(["table", "r0", "--json"], mapper)).out);
  assert.equal(table.main_start_sectors, 8);
  assert.equal(table.features.volatile, true);
  assert.equal(table.features.max_remaps_sectors, 7);
});
