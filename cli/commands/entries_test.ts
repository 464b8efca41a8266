// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { FakeMapper, runTool } from "./support/fake_mapper.ts";

/** Single sectors at 0, 10, 20, ... 90, relocated to 1000 and on, in pages as the target gives them. */
function table(): FakeMapper {
  const answer = (message: string) => {
    const [, from = "0", max = "0"] = message.split(" ");
    const starts = Array.from({ length: 10 }, (_, index) => index * 10);
    return starts.filter((start) => start >= Number(from)).slice(0, Number(max))
      .map((start) => `${start} 1 remapped ${1000 + start}\n`).join("");
  };
  return new FakeMapper({ r0: { answer } });
}

Deno.test("the whole table, or a part of it", async () => {
  const all = await runTool(["entries", "r0"], table());
  assert.equal(all.code, 0);
  assert.equal(all.out.trimEnd().split("\n").length, 11);
  const some = await runTool(["entries", "r0", "--from", "15", "--max", "2", "--json"], table());
  const { entries } = JSON.parse(some.out);
  assert.deepEqual(entries.map((entry: { start_sectors: number }) => entry.start_sectors), [
    20,
    30,
  ]);
  assert.equal((await runTool(["entries", "r0", "--max", "0", "--json"], table())).code, 0);
});

Deno.test("an empty table has its headings only", async () => {
  const mapper = new FakeMapper({ r0: { answer: () => "" } });
  assert.match((await runTool(["entries", "r0"], mapper)).out, /^ +START +LENGTH +STATE.*\n$/);
  assert.deepEqual(
    JSON.parse((await runTool(["entries", "r0", "--json"], mapper)).out).entries,
    [],
  );
});
