// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { FakeMapper, HEALTHY, LOSING, runTool } from "./support/fake_mapper.ts";

const SICK = {
  health: "health=critical score=25 reason=slots_left:0%,lost:3,pending:3",
  status: LOSING.replace("good", "critical"),
};

Deno.test("a healthy device: one word, nothing to do, exit code 0", async () => {
  const { code, out, err } = await runTool(["health", "r0"], new FakeMapper({ r0: {} }));
  assert.equal(code, 0);
  assert.equal(out, "r0: good\n  action: nothing needs doing\n");
  assert.equal(err, "");
});

Deno.test("a sick device: why, what to do, exit code 3", async () => {
  const { code, out } = await runTool(["health"], new FakeMapper({ r0: SICK, r1: {} }));
  assert.equal(code, 3);
  const lines = out.split("\n");
  assert.equal(lines[0], "r0: critical, score 25 of 100");
  assert.match(lines[1]!, /^ {2}status: the spare is full, .* \[spare-full\]$/);
  assert.match(lines[2]!, /^ {2}action: check that the backup is good/);
  assert.match(lines[3]!, /^ {2}status: 3 sectors of .* cannot be read \[sectors-pending\]$/);
  assert.match(lines[4]!, /^ {2}action: .*`dmremap-ts entries r0`.*; writing heals them$/);
  assert.ok(out.includes("\n\nr1: good\n"));
});

Deno.test("the exit code by the state, and by lost sectors", async () => {
  const code = async (state: string, status = HEALTHY) => {
    const health = `health=${state} score=50 reason=bad_slots:3`;
    const device = { health, status: status.replace("good", state) };
    return (await runTool(["health", "r0"], new FakeMapper({ r0: device }))).code;
  };
  assert.equal(await code("good"), 0);
  assert.equal(await code("warning"), 0);
  assert.equal(await code("degraded"), 3);
  assert.equal(await code("critical"), 3);
  assert.equal(await code("failed"), 3);
  assert.equal(await code("warning", LOSING), 3);
});

Deno.test("JSON", async () => {
  const mapper = new FakeMapper({ r0: SICK });
  const { code, out } = await runTool(["health", "r0", "--json"], mapper);
  assert.equal(code, 3);
  const { schema_version, devices: [{ conditions, ...device }] } = JSON.parse(out);
  assert.equal(schema_version, 1);
  assert.deepEqual(device, {
    name: "r0",
    suspended: false,
    health: "critical",
    degraded: true,
    score: 25,
    reasons: [
      { reason: "slots_left", percent: 0 },
      { reason: "lost", count_sectors: 3 },
      { reason: "pending", count_sectors: 3 },
    ],
  });
  assert.deepEqual(conditions.map(({ id }: { id: string }) => id), [
    "spare-full",
    "sectors-pending",
    "table-in-memory",
  ]);
  assert.ok(conditions.every((each: Record<string, string>) => each["status"] && each["action"]));
});

Deno.test("a device that says nothing readable is an error, not a good device", async () => {
  for (const health of ["", "health=splendid score=100 reason=none", "health=good"]) {
    const { code, out, err } = await runTool(["health", "r0"], new FakeMapper({ r0: { health } }));
    assert.deepEqual([code, out], [1, ""], health);
    assert.match(err, /^error: /);
  }
});

Deno.test("no devices, no such device, another kind of device, no device mapper", async () => {
  const none = await runTool(["health"], new FakeMapper({}));
  assert.deepEqual([none.code, none.out, none.err], [0, "", "no remap devices\n"]);
  assert.equal((await runTool(["health", "r9"], new FakeMapper({}))).code, 1);
  const linear = new FakeMapper({ lv: { type: "linear" } });
  assert.equal((await runTool(["health", "lv"], linear)).code, 6);
  assert.equal((await runTool(["health", "lv"])).code, 6);
});
