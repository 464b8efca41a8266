// SPDX-License-Identifier: GPL-2.0-only
// Every command against the real target, in a guest.
import assert from "node:assert/strict";
import { LASTING_STEPS } from "./lasting.ts";
import { LIST_STEPS } from "./lists.ts";
import { MIGRATION_STEPS } from "./migrations.ts";
import { errorCode, expect, json, MAIN, SPARE, type Step } from "./tool.ts";

/** Reads of this sector fail; guest_test.ts sees to that. */
const BAD_SECTOR = "5000";

/** The state of a device, and the ids of what is the matter with it. */
async function ailments(code: number, name: string): Promise<string[]> {
  const [device] = (await json(code, "health", name)).devices;
  return [device.health, ...device.conditions.map(({ id }: { id: string }) => id)];
}

const create = (
  name: string,
  ...more: string[]
) => ["create", name, MAIN, SPARE, "--volatile", ...more];

/** In this order: each goes on where the one before it has left off. */
const STEPS: readonly Step[] = [
  ["before the module is loaded", async () => {
    assert.equal((await json(6, "kmod", "status")).loaded, false);
    assert.equal(await errorCode(6, "kmod", "unload"), "module-missing");
    assert.equal(await errorCode(6, ...create("r0")), "target-missing");
    assert.equal((await json(6, "doctor")).ready, false);
    assert.deepEqual((await json(0, "list")).devices, []);
  }],
  ["a module that cannot be meant", async () => {
    assert.equal(await errorCode(1, "kmod", "load", "nonsense=1"), "load-failed");
    assert.equal(await errorCode(1, "kmod", "load", "--path", "/etc/passwd"), "load-failed");
    assert.equal((await json(6, "kmod", "status")).loaded, false);
  }],
  ["load", async () => {
    assert.equal((await json(0, "kmod", "load", "debug_level=1")).already_loaded, false);
    assert.equal((await json(0, "kmod", "load")).already_loaded, true);
    const status = await json(0, "kmod", "status");
    assert.deepEqual([status.differs, status.parameters.debug_level], [false, "1"]);
    assert.equal((await json(0, "doctor")).ready, true);
  }],
  ["create", async () => {
    assert.equal(await errorCode(2, ...create("r0", "--force")), "usage");
    assert.equal(await errorCode(1, ...create("r0", "--retries", "101")), "device-mapper");
    assert.deepEqual((await json(0, "list")).devices, []);
    const plan = await json(0, ...create("r0", "-n", "--max-remaps", "100"));
    const made = await json(0, ...create("r0", "--max-remaps", "100"));
    assert.equal(made.table.line, plan.table);
    assert.equal((await expect(0, "table", "r0")).out, `${plan.table}\n`);
    assert.equal((await expect(0, "list", "--names")).out, "r0\n");
  }],
  ["what is in use stays in use", async () => {
    for (const name of ["r0", "r1"]) await expect(5, ...create(name));
    assert.equal(await errorCode(5, "kmod", "unload"), "module-busy");
    using _held = Deno.openSync("/dev/mapper/r0");
    assert.equal(await errorCode(5, "remove", "r0", "--yes"), "busy");
  }],
  ["remap, verify, entries, stats", async () => {
    const remapped = await json(0, "remap", "r0", "100", "200+8", "512-519");
    assert.deepEqual([remapped.remapped_sectors, remapped.lost_sectors], [17, 0]);
    assert.equal((await json(0, "remap", "r0", "100")).remapped_sectors, 1);
    const { places } = await json(0, "verify", "r0", "199+2");
    assert.deepEqual(places.map((place: { state: string }) => place.state), ["main", "remapped"]);
    assert.equal((await json(0, "entries", "r0")).entries.length, 3);
    assert.equal((await json(0, "entries", "r0", "--from", "300")).entries.length, 1);
    const { counters, stats } = await json(0, "stats", "r0");
    assert.deepEqual([counters.manual_remaps, stats.manual_remaps_sectors], [17, 17]);
    assert.deepEqual(stats.extra, {});
    const { err } = await expect(1, "remap", "r0", "999999999");
    assert.match(err, /^error: r0: .*past the end of the device/);
    assert.match((await expect(1, "remap", "r0", "1000+100")).err, /max_remaps|limit|100/);
  }],
  ["lost sectors: exit code 3 until they are dropped", async () => {
    assert.equal((await json(3, "remap", "r0", BAD_SECTOR)).lost_sectors, 1);
    const [device] = (await json(3, "status", "r0")).devices;
    assert.deepEqual([device.lost_sectors, device.remapped_sectors], [1, 18]);
    assert.match(device.advice[0], /the content of 1 relocated sector is lost/);
    assert.deepEqual(await ailments(3, "r0"), ["warning", "sectors-lost", "table-in-memory"]);
    await expect(3, "verify", "r0", BAD_SECTOR);
    assert.equal((await json(1, "unmap", "r0", BAD_SECTOR)).kept_sectors, 1);
    assert.equal(await errorCode(2, "unmap", "r0", BAD_SECTOR, "--force"), "usage");
    const dropped = await json(0, "unmap", "r0", BAD_SECTOR, "--force", "--yes");
    assert.equal(dropped.cleared_sectors, 1);
    await expect(0, "status", "r0");
    assert.deepEqual(await ailments(0, "r0"), ["good", "table-in-memory"]);
  }],
  ["clear and remove", async () => {
    assert.equal(await errorCode(2, "remove", "r0", "--force"), "usage");
    assert.equal(await errorCode(1, "remove", "r0", "--yes"), "refused");
    assert.equal(await errorCode(2, "clear", "r0"), "usage");
    await expect(0, "clear", "r0", "-n");
    assert.equal((await json(0, "clear", "r0", "--yes")).cleared_sectors, 17);
    await expect(0, "remove", "r0", "--yes");
    assert.equal(await errorCode(1, "status", "r0"), "not-found");
  }],
  ["force forgets", async () => {
    await expect(0, ...create("r1", "--force", "--yes"));
    await expect(0, "remap", "r1", "0+8");
    await expect(0, "remove", "r1", "--force", "--yes");
    assert.deepEqual((await json(0, "list")).devices, []);
  }],
  ["scan", async () => {
    await expect(0, ...create("r2"));
    assert.equal((await json(0, "scan", "r2", "--status")).state, "idle");
    assert.equal((await json(0, "scan", "r2", "--stop")).state, "idle");
    const clean = await json(0, "scan", "r2", "0-4991", "--wait");
    assert.deepEqual([clean.state, clean.unreadable_sectors], ["done", 0]);
    assert.equal(await errorCode(2, "scan", "r2", "999999999"), "usage");
    const whole = await json(3, "scan", "r2", "--wait");
    assert.deepEqual([whole.unreadable_sectors, whole.pending_sectors], [1, 1]);
    assert.match(
      (await expect(3, "scan", "r2", "--status")).out,
      /last scan done\n.*unreadable: /s,
    );
    const [bad] = (await json(3, "verify", "r2", BAD_SECTOR)).places;
    assert.equal(bad.state, "pending");
    assert.deepEqual(await ailments(3, "r2"), ["warning", "sectors-pending"]);
    await expect(0, "remove", "r2", "--force", "--yes");
  }],
  ...LASTING_STEPS,
  ...LIST_STEPS,
  ...MIGRATION_STEPS,
  ["unload", async () => {
    await expect(0, "kmod", "unload");
    assert.equal((await json(6, "kmod", "status")).loaded, false);
  }],
];

Deno.test("every command", async (t) => {
  for (const [name, step] of STEPS) {
    if (!await t.step(name, step)) return;
  }
});
