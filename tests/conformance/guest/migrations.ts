// SPDX-License-Identifier: GPL-2.0-only
// From one range of a disk to another and back.
import assert from "node:assert/strict";
import { errorCode, expect, json, MAIN, SPARE, type Step } from "./tool.ts";

const HALF = "8192";

/** In this order, on disks that nobody holds. */
export const MIGRATION_STEPS: readonly Step[] = [
  ["migrate refuses", async () => {
    await expect(0, "create", "g0", MAIN, SPARE, "--format", "--yes", "--spare-length", HALF);
    await expect(0, "remap", "g0", "100+8", "300");
    assert.equal((await json(0, "migrate", "g0")).state, "none");
    assert.equal(await errorCode(1, "migrate", "g0", SPARE), "overlap");
    assert.equal(await errorCode(1, "migrate", "g0", MAIN), "overlap");
    assert.equal(await errorCode(1, "migrate", "g0", "/dev/null"), "not-a-block-device");
    assert.equal(await errorCode(1, "migrate", "g0", "--cancel"), "refused");
    const small = ["migrate", "g0", SPARE, "--start", HALF, "--length", "112"];
    assert.equal(await errorCode(1, ...small), "too-small");
    assert.equal((await json(0, "migrate", "g0")).state, "none");
  }],
  ["migrate moves what is relocated, and the old range is left", async () => {
    const words = ["migrate", "g0", SPARE, "--start", HALF, "--length", HALF];
    const plan = await json(0, ...words, "-n");
    assert.match(plan.messages.join(), /^migrate \d+:\d+ 8192 8192$/);
    const done = await json(0, ...words);
    assert.deepEqual(
      [done.state, done.copied_sectors, done.lost_sectors, done.lost],
      ["done", 9, 0, []],
    );
    const [device] = (await json(0, "list")).devices;
    assert.equal(device.table.spare_start_sectors, Number(HALF));
    assert.deepEqual([device.status.migration, device.status.remapped_sectors], ["done", 9]);
    assert.equal((await json(4, "meta", "check", SPARE)).migration, "moved");
  }],
  ["the new range is activated, the old one is not", async () => {
    await expect(0, "remove", "g0", "--yes");
    assert.equal(await errorCode(1, "assemble", "g0", "--spare", SPARE), "wrong-pair");
    await expect(0, "assemble", "g0", "--spare", SPARE, "--spare-start", HALF);
    const [place] = (await json(0, "verify", "g0", "100+8")).places;
    assert.equal(place.state, "remapped");
  }],
  ["back to the range that it has left: no force is needed", async () => {
    const words = ["migrate", "g0", SPARE, "--length", HALF];
    assert.equal((await json(0, ...words, "--no-wait")).name, "g0");
    assert.equal((await json(0, "migrate", "g0", "--wait")).state, "done");
    await expect(0, "remove", "g0", "--yes");
    await expect(0, "assemble", "g0");
    await expect(0, "remove", "g0", "--yes");
  }],
];
