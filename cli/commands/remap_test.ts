// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { FakeMapper, runTool } from "./support/fake_mapper.ts";

function answering(reply: string): FakeMapper {
  return new FakeMapper({ r0: { answer: () => reply } });
}

Deno.test("all ranges go in one message", async () => {
  const mapper = answering("remapped=17 lost=0");
  const { code, out } = await runTool(["remap", "r0", "123", "200+8", "512-519"], mapper);
  assert.equal(code, 0);
  assert.match(out, /^17 sectors \(8\.5 KiB\) of r0 on the spare\n$/);
  assert.equal(mapper.messages.length, 1);
  assert.match(mapper.messages[0] ?? "", /^remap 123( 1)? 200 8 512 8$/);
});

Deno.test("lost sectors are told by words and exit code", async () => {
  const { code, out } = await runTool(["remap", "r0", "0+8"], answering("remapped=8 lost=3"));
  assert.equal(code, 3);
  assert.match(out, /3 sectors \(1\.5 KiB\) of them lost/);
  const json = await runTool(["remap", "r0", "0+8", "--json"], answering("remapped=8 lost=3"));
  assert.deepEqual(JSON.parse(json.out), {
    schema_version: 1,
    name: "r0",
    remapped_sectors: 8,
    lost_sectors: 3,
  });
});

Deno.test("a dry run needs no device", async () => {
  const { code, out } = await runTool(["remap", "r0", "200+8", "-n"]);
  assert.deepEqual([code, out], [0, "dmsetup message r0 0 remap 200 8\n"]);
});

Deno.test("nonsense is a usage error before anything is opened", async () => {
  for (const sectors of ["x", "5-3", "1+0", "-5", "1.5", "99999999999999999999999"]) {
    assert.equal((await runTool(["remap", "r0", "--", sectors])).code, 2, sectors);
  }
});
