// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { FakeMapper, runTool } from "./support/fake_mapper.ts";

Deno.test("a range a message, counts added up", async () => {
  const mapper = new FakeMapper({ r0: { answer: () => "cleared=4 kept=0" } });
  const { code, out } = await runTool(["unmap", "r0", "8+4", "100+4"], mapper);
  assert.equal(code, 0);
  assert.match(out, /^8 sectors/);
  assert.deepEqual(mapper.messages, ["unmap 8 4", "unmap 100 4"]);
});

Deno.test("sectors that stay make it a failure", async () => {
  const mapper = new FakeMapper({ r0: { answer: () => "cleared=3 kept=1" } });
  const { code, err } = await runTool(["unmap", "r0", "8+4"], mapper);
  assert.equal(code, 1);
  assert.match(err, /1 sector of r0 kept on the spare/);
  // Of several ranges it need not be the last one.
  const answer = (message: string) =>
    message === "unmap 8 4" ? "cleared=1 kept=3" : "cleared=4 kept=0";
  const two = await runTool(["unmap", "r0", "8+4", "100+4"], new FakeMapper({ r0: { answer } }));
  assert.equal(two.code, 1);
  assert.match(two.err, /3 sectors of r0 kept on the spare/);
});

Deno.test("force wants a word", async () => {
  const mapper = new FakeMapper({ r0: { answer: () => "cleared=4 kept=0" } });
  assert.equal((await runTool(["unmap", "r0", "8+4", "--force"], mapper)).code, 2);
  assert.deepEqual(mapper.messages, []);
  assert.equal((await runTool(["unmap", "r0", "8+4", "--force", "-y"], mapper)).code, 0);
  assert.deepEqual(mapper.messages, ["unmap 8 4 force"]);
});
