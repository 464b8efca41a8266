// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { FakeMapper, LOSING, runTool } from "./support/fake_mapper.ts";

function mapperWith(reply: string): FakeMapper {
  return new FakeMapper({ r0: { status: LOSING, answer: () => reply } });
}

Deno.test("nothing is cleared without a word", async () => {
  const mapper = mapperWith("cleared=5 kept=0");
  assert.equal((await runTool(["clear", "r0"], mapper)).code, 2);
  assert.deepEqual(mapper.messages, []);
  const { code, out } = await runTool(["clear", "r0", "--yes"], mapper);
  assert.deepEqual([code, mapper.messages], [0, ["clear"]]);
  assert.match(out, /^5 sectors/);
});

Deno.test("what the user is asked says how much", async () => {
  const mapper = mapperWith("cleared=5 kept=0");
  const { err } = await runTool(["clear", "r0"], mapper, { interactive: true, input: ["yes"] });
  assert.match(err, /moves back to main: 5 sectors/);
  assert.deepEqual(mapper.messages, ["clear"]);
});

Deno.test("sectors that stay make it a failure; force drops them", async () => {
  const kept = await runTool(["clear", "r0", "-y", "--json"], mapperWith("cleared=3 kept=2"));
  assert.equal(kept.code, 1);
  assert.equal(JSON.parse(kept.out).kept_sectors, 2);
  assert.match(JSON.parse(kept.err).warning.message, /2 sectors/);
  const mapper = mapperWith("cleared=5 kept=0");
  await runTool(["clear", "r0", "--force", "-y"], mapper);
  assert.deepEqual(mapper.messages, ["clear force"]);
});
