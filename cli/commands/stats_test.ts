// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { FakeMapper, runTool } from "./support/fake_mapper.ts";

const ANSWER = "reads=18014398509481985\nremapped=5\nread_errors=2\nverify_memory_bytes=4096\n" +
  "heat=hot\n";
const mapper = new FakeMapper({ r0: { answer: () => ANSWER } });

const cells = (out: string) => out.trimEnd().split("\n").map((line) => line.trim().split(/ {2,}/));

Deno.test("counters keep the kernel's names, with their sizes and what they mean", async () => {
  const { code, out } = await runTool(["stats", "r0"], mapper);
  assert.equal(code, 0);
  assert.deepEqual(cells(out), [
    ["COUNTER", "VALUE", "SIZE", "MEANING"],
    ["remapped", "5", "2.5 KiB", "served by the spare now"],
    ["read_errors", "2", "-", "reads that failed because of the medium"],
    ["verify_memory_bytes", "4096", "4 KiB", "memory for these checksums"],
    ["reads", "18014398509481985"],
    ["heat", "hot"],
  ]);
});

Deno.test("units", async () => {
  const of = async (units: string) =>
    cells((await runTool(["stats", "r0", "--units", units], mapper)).out).map((row) => row[2]);
  assert.deepEqual((await of("b")).slice(1, 4), ["2560B", "-", "-"]);
  assert.deepEqual((await of("s")).slice(1, 4), ["-", "-", "-"]);
});

Deno.test("JSON: typed ones with their units, the others, and all as the kernel has them", async () => {
  const { counters, stats } = JSON.parse((await runTool(["stats", "r0", "--json"], mapper)).out);
  assert.deepEqual(stats, {
    remapped_sectors: 5,
    read_errors: 2,
    verify_memory_bytes: 4096,
    extra: { reads: "18014398509481985", heat: "hot" },
  });
  assert.deepEqual(counters, {
    reads: "18014398509481985",
    remapped: 5,
    read_errors: 2,
    verify_memory_bytes: 4096,
    heat: "hot",
  });
});
