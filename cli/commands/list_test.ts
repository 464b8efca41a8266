// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { FakeMapper, LOSING, runTool } from "./support/fake_mapper.ts";

const mapper = new FakeMapper({ r1: { status: LOSING }, lv: { type: "linear" }, r0: {} });

Deno.test("one line a remap device, others left out", async () => {
  const { code, out } = await runTool(["list"], mapper);
  assert.equal(code, 0);
  const lines = out.trimEnd().split("\n").map((line) => line.trim().split(/ {2,}/));
  assert.deepEqual(lines[0], [
    "NAME",
    "MAIN",
    "SPARE",
    "SIZE",
    "REMAPPED",
    "LOST",
    "SPARE USED",
    "HEALTH",
  ]);
  assert.deepEqual(lines[2], ["r1", "4000:0", "4000:16", "100 MiB", "5", "2", "7/102400", "good"]);
  assert.equal(lines.length, 3);
});

Deno.test("names for completion, JSON for scripts", async () => {
  assert.equal((await runTool(["list", "--names"], mapper)).out, "r0\nr1\n");
  const { devices } = JSON.parse((await runTool(["list", "--json"], mapper)).out);
  assert.equal(devices[1].status.lost_sectors, 2);
  assert.equal(devices[1].table.length_sectors, 204800);
});

Deno.test("no devices is not an error, and stdout stays empty", async () => {
  const { code, out, err } = await runTool(["list"], new FakeMapper({}));
  assert.deepEqual([code, out, err], [0, "", "no remap devices\n"]);
});
