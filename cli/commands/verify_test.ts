// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { FakeMapper, runTool } from "./support/fake_mapper.ts";

function answering(reply: string): FakeMapper {
  return new FakeMapper({ r0: { answer: () => reply } });
}

Deno.test("where sectors are, as columns and as JSON", async () => {
  const mapper = answering("0 8 main\n8 2 remapped 4096\n");
  const { code, out } = await runTool(["verify", "r0", "0+10"], mapper);
  assert.equal(code, 0);
  assert.deepEqual(out.trimEnd().split("\n").map((line) => line.trim().split(/ {2,}/)), [
    ["START", "LENGTH", "STATE", "SPARE START"],
    ["0", "4 KiB", "main", "-"],
    ["8", "1 KiB", "remapped", "4096"],
  ]);
  const { places } = JSON.parse((await runTool(["verify", "r0", "0+10", "--json"], mapper)).out);
  assert.deepEqual(places[1], {
    start_sectors: 8,
    length_sectors: 2,
    state: "remapped",
    spare_start_sectors: 4096,
  });
});

Deno.test("unreadable sectors make exit code 3", async () => {
  assert.equal((await runTool(["verify", "r0", "8"], answering("8 1 lost 99\n"))).code, 3);
  assert.equal((await runTool(["verify", "r0", "8"], answering("8 1 pending\n"))).code, 3);
});
