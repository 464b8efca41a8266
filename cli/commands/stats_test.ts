// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { FakeMapper, runTool } from "./support/fake_mapper.ts";

const mapper = new FakeMapper({ r0: { answer: () => "reads=18014398509481985\nmode=rw\n" } });

Deno.test("counters keep the kernel's names", async () => {
  const { code, out } = await runTool(["stats", "r0"], mapper);
  assert.equal(code, 0);
  assert.match(out, /reads: 18014398509481985\n +mode: +rw/);
});

Deno.test("counters above 2^53 are strings in JSON", async () => {
  const { counters } = JSON.parse((await runTool(["stats", "r0", "--json"], mapper)).out);
  assert.deepEqual(counters, { reads: "18014398509481985", mode: "rw" });
});
