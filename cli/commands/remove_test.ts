// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { FakeMapper, LOSING, runTool } from "./support/fake_mapper.ts";

Deno.test("without a terminal nothing goes without --yes", async () => {
  const mapper = new FakeMapper({ r0: {} });
  const { code, err } = await runTool(["remove", "r0"], mapper);
  assert.equal(code, 2);
  assert.match(err, /--yes/);
  assert.deepEqual(mapper.removed, []);
  assert.equal((await runTool(["remove", "r0", "--yes"], mapper)).code, 0);
  assert.deepEqual(mapper.removed, ["r0"]);
});

Deno.test("on a terminal the user is asked", async () => {
  const mapper = new FakeMapper({ r0: {} });
  const no = await runTool(["remove", "r0"], mapper, { interactive: true, input: ["n"] });
  assert.equal(no.code, 1);
  assert.match(no.err, /r0: removes the device.*\nGo on\? \[y\/N\]/);
  assert.deepEqual(mapper.removed, []);
  assert.equal((await runTool(["remove", "r0"], mapper, { interactive: true })).code, 1);
  const yes = await runTool(["remove", "r0"], mapper, { interactive: true, input: ["y"] });
  assert.deepEqual([yes.code, mapper.removed], [0, ["r0"]]);
});

Deno.test("relocated sectors are not forgotten without --force", async () => {
  const mapper = new FakeMapper({ r0: { status: LOSING } });
  const { code, err } = await runTool(["remove", "r0", "-y"], mapper);
  assert.equal(code, 1);
  assert.match(err, /dmremap-ts clear r0/);
  assert.deepEqual(mapper.removed, []);
  assert.equal((await runTool(["remove", "r0", "-y", "--force"], mapper)).code, 0);
});

Deno.test("a dry run names the command and removes nothing", async () => {
  const mapper = new FakeMapper({ r0: {} });
  assert.equal((await runTool(["remove", "r0", "-n"], mapper)).out, "dmsetup remove r0\n");
  assert.deepEqual(mapper.removed, []);
});
