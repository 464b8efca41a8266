// SPDX-License-Identifier: GPL-2.0-only
// The old spare is there still: whole, dying, or with a damaged table.
import assert from "node:assert/strict";
import { DirectFile } from "../../../ffi/direct_file.ts";
import { errorCode, expect, json, MAIN, SPARE, type Step } from "../../conformance/guest/tool.ts";
import { AT, sh, write } from "../../backup/guest/devices.ts";
import { assertShows, FRESH, packed, wipe } from "./devices.ts";

const restore = (...words: string[]) => ["snapshot", "restore", "latest", ...words, ...AT];

const SLOW = "/dev/mapper/slow";

/** Has anything been written to the disk below the slow one? */
async function isBegun(): Promise<boolean> {
  using file = DirectFile.open(FRESH);
  return (await file.read(0n, 4096)).some((byte) => byte !== 0);
}

export const OLD_SPARE_STEPS: readonly Step[] = [
  ["the old spare tells what was written since: that is lost, the rest is certain", async () => {
    await wipe(FRESH);
    await expect(0, "create", "r0", MAIN, SPARE);
    await expect(0, "remap", "r0", "2000+64", "3000+8");
    await write(2000, 64, 5);
    await write(3000, 8, 5);
    await expect(0, "snapshot", "take", "r0", "--with-data", ...AT);
    await write(2010, 2, 6);
    await expect(0, "remap", "r0", "4000+2");
    await expect(0, "remove", "r0", "--yes");
    const done = await json(3, ...restore("--spare", FRESH, "--old-spare", SPARE));
    assert.deepEqual(
      [done.restored_sectors, done.lost_sectors, done.unconfirmed_sectors, done.known_until],
      [70, 4, 0, null],
    );
    assert.deepEqual(done.warnings, []);
    await expect(3, "assemble", "r0", "--spare", FRESH);
    await assertShows([[2000, 10, 5], [2010, 2, "lost"], [2012, 52, 5], [3000, 8, 5]]);
    await assertShows([[4000, 2, "lost"]]);
    await expect(0, "remove", "r0", "--yes");
    await wipe(FRESH);
  }],
  ["a damaged table is put back over slots that are trusted", async () => {
    // Both superblocks and the first checkpoint blocks, as a partition tool would have it.
    await sh(`dd if=/dev/urandom of=${SPARE} bs=4096 count=4 conv=notrunc,fsync status=none`);
    await expect(4, "meta", "check", SPARE);
    const words = ["--spare", SPARE, "--in-place", "--trust-slots"];
    assert.equal(await errorCode(2, ...restore(...words)), "usage");
    const { kept_sectors } = await json(3, ...restore(...words, "--lost", "4000+2", "--yes"));
    assert.equal(kept_sectors, 72);
    await expect(3, "assemble", "r0", "--spare", SPARE);
    // What the slots hold is newer than the snapshot.
    await assertShows([[2000, 10, 5], [2010, 2, 6], [2012, 52, 5], [3000, 8, 5]]);
    await assertShows([[4000, 2, "lost"]]);
    await expect(0, "remove", "r0", "--yes");
  }],
  ["an interrupt leaves a spare that nobody takes; the next attempt ends well", async () => {
    await expect(3, "assemble", "r0", "--spare", SPARE);
    for (let first = 10_000; first < 10_480; first += 20) await write(first, 1, 7);
    const many = Array.from({ length: 24 }, (_, at) => `${10_000 + 20 * at}`);
    await expect(0, "remap", "r0", ...many);
    await expect(3, "snapshot", "take", "r0", "--with-data", ...AT);
    await expect(0, "remove", "r0", "--yes");
    await sh(`modprobe dm-delay; dmsetup create slow --table \\
      "0 $(blockdev --getsz ${FRESH}) delay ${FRESH} 0 0 ${FRESH} 0 150"`);
    const process = packed(...restore("--spare", SLOW));
    while (!await isBegun()) await new Promise((resolve) => setTimeout(resolve, 20));
    process.kill("SIGINT");
    assert.equal((await process.output()).code, 130);
    await sh("dmsetup remove --retry slow");
    await expect(4, "meta", "check", FRESH);
    await expect(1, "create", "r0", MAIN, FRESH);
    await json(3, ...restore("--spare", FRESH));
    await expect(0, "meta", "check", FRESH);
    await expect(3, "assemble", "r0", "--spare", FRESH);
    await assertShows(many.map((first) => [Number(first), 1, 7]));
    await assertShows([[2000, 10, 5], [2010, 2, 6], [2012, 52, 5], [3000, 8, 5], [
      4000,
      2,
      "lost",
    ]]);
    await expect(0, "remove", "r0", "--yes");
  }],
];
