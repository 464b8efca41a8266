// SPDX-License-Identifier: GPL-2.0-only
// Devices whose table is on the spare: they come back, and nothing comes back that should not.
import assert from "node:assert/strict";
import { errorCode, expect, json, MAIN, SPARE, type Step } from "./tool.ts";

const create = (...more: string[]) => ["create", "m0", MAIN, SPARE, ...more];

/** Spoils both superblocks. */
function damage(): void {
  using spare = Deno.openSync(SPARE, { write: true });
  for (const block of [0, 1]) {
    spare.seekSync(block * 4096 + 300, Deno.SeekMode.Start);
    spare.writeSync(new Uint8Array([0x55]));
  }
  spare.syncSync();
}

async function state(...words: string[]): Promise<string> {
  const [device] = (await json(0, ...words)).devices;
  return device.state;
}

/** In this order, on disks that nobody holds. */
export const LASTING_STEPS: readonly Step[] = [
  ["a table on the spare: create, remove, assemble", async () => {
    const plan = await json(0, ...create("--retries", "2", "-n"));
    assert.deepEqual([plan.spare, / volatile/.test(plan.table)], ["format", false]);
    const made = await json(0, ...create("--retries", "2"));
    assert.deepEqual([made.spare, made.main_id], ["format", "serial:main"]);
    assert.equal(made.table.line, plan.table);
    await expect(0, "remap", "m0", "100", "200+8");
    await expect(0, "remove", "m0", "--yes");
    assert.equal(await state("assemble", "m0", "-n"), "planned");
    const [device] = (await json(0, "assemble", "m0")).devices;
    assert.deepEqual([device.state, device.remapped_sectors], ["activated", 9]);
    assert.equal((await expect(0, "table", "m0")).out, `${plan.table}\n`);
    assert.equal(await state("assemble", "m0"), "active");
    assert.equal(await state("assemble", "--all"), "active");
    assert.equal(await errorCode(5, "assemble", "m0", "--spare", MAIN), "name-taken");
    await expect(0, "remove", "m0", "--yes");
  }],
  ["create goes on with the main's own table, and with no other's", async () => {
    const made = await json(0, ...create());
    assert.deepEqual([made.spare, made.table.features.retries], ["activate", 2]);
    assert.equal((await json(0, "entries", "m0")).entries.length, 2);
    await expect(0, "remove", "m0", "--yes");
    assert.equal(await errorCode(1, ...create("--volatile")), "wrong-pair");
    assert.equal(await errorCode(1, ...create("--length", "8192")), "wrong-pair");
    assert.equal(await errorCode(2, ...create("--format")), "usage");
    assert.equal((await json(0, "assemble", "--all", "-n")).devices[0].name, "m0");
  }],
  ["assemble refuses", async () => {
    assert.equal(await errorCode(2, "assemble"), "usage");
    assert.equal(await errorCode(2, "assemble", "m0", "--all"), "usage");
    assert.equal(await errorCode(2, "assemble", "--all", "--main", MAIN), "usage");
    assert.equal(await errorCode(2, "assemble", "m0", "--spare-start", "8"), "usage");
    assert.equal(await errorCode(1, "assemble", "other"), "not-found");
    assert.equal(await errorCode(1, "assemble", "m0", "--spare", MAIN), "wrong-pair");
    assert.equal(await errorCode(2, "assemble", "m0", "--force"), "usage");
    const swapped = ["assemble", "m0", "--spare", SPARE, "--main", SPARE];
    assert.equal(await errorCode(1, ...swapped), "wrong-pair");
    assert.equal(
      await errorCode(1, "assemble", "m0", "--spare", "/dev/null"),
      "not-a-block-device",
    );
    using _held = Deno.openSync(MAIN);
    assert.equal(await state("assemble", "m0"), "activated");
    await expect(0, "remove", "m0", "--yes");
  }],
  ["damaged metadata: exit code 4 until it is formatted", async () => {
    damage();
    assert.equal(await errorCode(4, "assemble", "m0"), "metadata-damaged");
    assert.equal((await json(4, "assemble", "--all")).devices[0].error.exit_code, 4);
    assert.equal(await errorCode(4, ...create("--force", "--yes")), "metadata-damaged");
    assert.equal((await json(0, ...create("--format", "--yes"))).spare, "format");
    assert.deepEqual((await json(0, "entries", "m0")).entries, []);
    await expect(0, "remove", "m0", "--yes");
  }],
];
