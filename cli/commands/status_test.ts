// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { FakeMapper, LOSING, runTool } from "./support/fake_mapper.ts";

Deno.test("a healthy device: exit code 0, nothing to do", async () => {
  const { code, out, err } = await runTool(["status", "r0"], new FakeMapper({ r0: {} }));
  assert.equal(code, 0);
  assert.match(out, /^r0: good\n/);
  assert.match(out, /\n +action: +nothing needs doing\n/);
  assert.equal(err, "");
});

Deno.test("lost sectors: exit code 3, and what to do about them", async () => {
  const health = "health=warning score=85 reason=lost:2,bad_slots:2";
  const mapper = new FakeMapper({ r0: { status: LOSING, health }, r1: {} });
  const { code, out } = await runTool(["status"], mapper);
  assert.equal(code, 3);
  assert.match(out, /^r0: warning, score 85 of 100\n +status: +the content of 2 relocated sec/);
  assert.match(out, /remapped: +5 sectors \(2\.5 KiB\)/);
  assert.match(out, /lost: +2 sectors \(1 KiB\)/);
  assert.match(out, /2 slots of the spare have gone bad \[bad-slots\]\n/);
  assert.match(out, /spare used: .*, 2 slots bad\n/);
  assert.match(out, /run `dmremap-ts clear r0` before/);
  assert.match(out, /\n\nr1: good\n/);
});

Deno.test("bad health alone is exit code 3 too, a warning is not", async () => {
  const of = (health: string) => ({
    status: LOSING.replace("lost=2", "lost=0").replace("good", health),
    health: `health=${health} score=50 reason=storm`,
  });
  const code = async (health: string) =>
    (await runTool(["status", "r0"], new FakeMapper({ r0: of(health) }))).code;
  assert.equal(await code("warning"), 0);
  assert.equal(await code("degraded"), 3);
  assert.equal(await code("failed"), 3);
});

Deno.test("of two answers that a change came between, the worse one makes the exit code", async () => {
  const health = "health=critical score=40 reason=slots_left:0%";
  const after = new FakeMapper({ r0: { health } });
  assert.equal((await runTool(["status", "r0"], after)).code, 3);
  const before = new FakeMapper({ r0: { status: LOSING.replace("lost=2", "lost=0") } });
  assert.equal((await runTool(["status", "r0"], before)).code, 0);
  const lost = new FakeMapper({ r0: { status: LOSING } });
  assert.equal((await runTool(["status", "r0"], lost)).code, 3);
});

Deno.test("JSON has integers in base units", async () => {
  const health = "health=warning score=90 reason=lost:2";
  const mapper = new FakeMapper({ r0: { status: LOSING, health, suspended: true } });
  const { code, out } = await runTool(["--json", "status", "r0"], mapper);
  assert.equal(code, 3);
  const { schema_version, devices: [device] } = JSON.parse(out);
  assert.equal(schema_version, 1);
  assert.equal(device.name, "r0");
  assert.equal(device.length_sectors, 204800);
  assert.equal(device.remapped_sectors, 5);
  assert.equal(device.lost_sectors, 2);
  assert.equal(device.spare_used_sectors, 7);
  assert.equal(device.spare_total_sectors, 102400);
  assert.equal(device.scan_progress_percent, 50);
  assert.equal(device.degraded, true);
  assert.equal(device.volatile, true);
  assert.equal(device.suspended, true);
  assert.equal(device.health, "warning");
  assert.equal(device.score, 90);
  assert.deepEqual(device.reasons, [{ reason: "lost", count_sectors: 2 }]);
  const ids = device.conditions.map(({ id }: { id: string }) => id);
  assert.deepEqual(ids, ["device-suspended", "sectors-lost", "table-in-memory"]);
  assert.equal(device.advice.length, 3);
  assert.match(device.advice[0], /all I\/O to it waits: `dmsetup resume r0`/);
});

Deno.test("units, keys of newer modules, suspended devices", async () => {
  const mapper = new FakeMapper({ r0: { status: `${LOSING} generation=7` } });
  const { out } = await runTool(["status", "r0", "--units", "b"], mapper);
  assert.match(out, /lost: +2 sectors \(1024B\)/);
  assert.match(out, /generation: +7/);
});

Deno.test("no devices, no such device, another kind of device, no device mapper", async () => {
  const none = await runTool(["status"], new FakeMapper({}));
  assert.deepEqual([none.code, none.out], [0, ""]);
  assert.match(none.err, /no remap devices/);
  const missing = await runTool(["status", "r9"], new FakeMapper({}));
  assert.equal(missing.code, 1);
  assert.match(missing.err, /^error: r9: there is no dm device/);
  const linear = new FakeMapper({ lv: { type: "linear" } });
  assert.equal((await runTool(["status", "lv"], linear)).code, 6);
  assert.equal((await runTool(["status"])).code, 6);
});

Deno.test("colours on a terminal only", async () => {
  const mapper = new FakeMapper({ r0: {} });
  const shown = await runTool(["status"], mapper, { interactive: true });
  assert.ok(shown.out.includes("\x1b[32mgood"));
  const plain = await runTool(["status"], mapper, { interactive: true, env: { NO_COLOR: "1" } });
  assert.ok(!plain.out.includes("\x1b"));
});
