// SPDX-License-Identifier: GPL-2.0-only
// Lists of other programs: what badblocks(8) and ddrescue(1) find on a disk with a bad sector, and
// what they and mke2fs(8) make of ours.
import assert from "node:assert/strict";
import { errorCode, expect, json, MAIN, shell, SPARE, type Step } from "./tool.ts";

/** Reads of this sector fail; guest_test.ts sees to that. */
const BAD_SECTOR = 5000;
const MAPPED = "/dev/mapper/l0";
const directory = "/tmp/lists";
const LIST = `${directory}/bad.txt`;
const MAP = `${directory}/rescue.map`;

const create = (...more: string[]) => ["create", "l0", MAIN, SPARE, "--format", "--yes", ...more];
const remove = () => expect(0, "remove", "l0", "--yes");

async function stateOf(code: number, sector: number): Promise<string> {
  const [place] = (await json(code, "verify", "l0", `${sector}`)).places;
  return place.state;
}

/** In this order, on disks that nobody holds. */
export const LIST_STEPS: readonly Step[] = [
  ["other programs find the bad sector", async () => {
    await Deno.mkdir(directory, { recursive: true });
    await shell(`badblocks -b 1024 -o ${LIST} ${MAIN}`);
    // It gives up whole pages, though it counts in blocks.
    assert.equal(await Deno.readTextFile(LIST), "2500\n2501\n2502\n2503\n");
    await shell(`ddrescue -q -d -b 512 ${MAIN} ${directory}/image ${MAP}`);
    assert.equal(await shell(`ddrescuelog -l- ${MAP}`), `${BAD_SECTOR}\n`);
  }],
  ["create with a list of badblocks: relocated, and what cannot be read is lost", async () => {
    const plan = await json(0, ...create("--badblocks", LIST, "-n"));
    assert.deepEqual(plan.messages, [`remap ${BAD_SECTOR} 8`]);
    const made = await json(3, ...create("--badblocks", LIST));
    const { file, ...known } = made.known_bad;
    assert.equal(file, LIST);
    assert.deepEqual(known, {
      areas: 1,
      areas_elsewhere: 0,
      listed_sectors: 8,
      remapped_sectors: 8,
      lost_sectors: 1,
      pending_sectors: 0,
    });
    assert.equal(await stateOf(3, BAD_SECTOR), "lost");
    assert.equal(await stateOf(0, BAD_SECTOR + 1), "remapped");
    await remove();
    await expect(3, "assemble", "l0");
    assert.equal(await stateOf(3, BAD_SECTOR), "lost");
  }],
  ["ours are taken by badblocks, ddrescue and mke2fs", async () => {
    const image = await Deno.readFile(`${directory}/image`);
    const map = `${directory}/ours.map`;
    await expect(0, "export", "ddrescue", "l0", map, "--unreadable");
    assert.equal(await shell(`ddrescuelog -l- ${map}`), `${BAD_SECTOR}\n`);
    // The map says that nothing is rescued: ddrescue reads all that can be read.
    await shell(`ddrescue -q -d -b 512 ${MAPPED} ${directory}/copy ${map}`);
    assert.equal(await shell(`ddrescuelog -l- ${map}`), `${BAD_SECTOR}\n`);
    assert.deepEqual(await Deno.readFile(`${directory}/copy`), image);
    const list = `${directory}/ours.txt`;
    await expect(0, "export", "badblocks", "l0", list, "--unreadable", "--block-size", "4096");
    assert.equal(await Deno.readTextFile(list), "625\n");
    await shell(`badblocks -b 4096 -i ${list} ${MAPPED}`);
    await shell(`mke2fs -q -F -b 4096 -l ${list} ${MAPPED}`);
    assert.equal((await shell(`dumpe2fs -b ${MAPPED} 2>/dev/null`)).trim(), "625");
    await shell(`e2fsck -f -y -l ${list} ${MAPPED} || test $? -eq 1`);
    assert.equal((await shell(`dumpe2fs -b ${MAPPED} 2>/dev/null`)).trim(), "625");
    await remove();
  }],
  ["create with a map of ddrescue: pending in the table that is written", async () => {
    const made = await json(3, ...create("--ddrescue", MAP, "--pending"));
    assert.deepEqual([made.known_bad.pending_sectors, made.known_bad.remapped_sectors], [1, 0]);
    assert.equal(await stateOf(3, BAD_SECTOR), "pending");
    await remove();
    await expect(3, "assemble", "l0");
    const [device] = (await json(3, "status", "l0")).devices;
    assert.deepEqual([device.pending_sectors, device.remapped_sectors], [1, 0]);
    // A write relocates it.
    await shell(`dd if=/dev/zero of=${MAPPED} bs=512 seek=${BAD_SECTOR} count=1 oflag=direct`);
    assert.equal(await stateOf(0, BAD_SECTOR), "remapped");
    await remove();
  }],
  ["a table that is there goes on, one in memory has its pending sectors read", async () => {
    const again = ["create", "l0", MAIN, SPARE, "--badblocks", LIST];
    const made = await json(0, ...again);
    assert.deepEqual([made.spare, made.known_bad.remapped_sectors], ["activate", 8]);
    assert.equal(await stateOf(0, BAD_SECTOR), "remapped");
    await remove();
    const volatile = ["create", "l0", MAIN, SPARE, "--volatile", "--force", "--yes"];
    const read = await json(3, ...volatile, "--ddrescue", MAP, "--pending");
    assert.deepEqual([read.known_bad.pending_sectors, read.known_bad.remapped_sectors], [1, 0]);
    assert.equal(await stateOf(3, BAD_SECTOR), "pending");
    await remove();
  }],
  ["import: pending what fails only, then relocated", async () => {
    await expect(0, ...create());
    await Deno.writeTextFile(LIST, `10\n${BAD_SECTOR / 2}\n`);
    const read = await json(3, "import", "badblocks", "l0", LIST, "--pending");
    assert.deepEqual([read.listed_sectors, read.pending_sectors, read.remapped_sectors], [4, 1, 0]);
    const moved = await json(3, "import", "badblocks", "l0", LIST);
    assert.deepEqual([moved.remapped_sectors, moved.lost_sectors], [4, 1]);
    assert.equal((await json(3, "import", "badblocks", "l0", LIST)).remapped_sectors, 4);
    assert.equal((await expect(0, "export", "badblocks", "l0")).out, `10\n${BAD_SECTOR / 2}\n`);
    assert.equal((await json(3, "import", "ddrescue", "l0", MAP)).lost_sectors, 1);
    await remove();
  }],
  ["a list that does not fit leaves no device and no table behind", async () => {
    await Deno.writeTextFile(LIST, "0\n999999\n");
    assert.equal(await errorCode(1, ...create("--badblocks", LIST)), "too-small");
    await Deno.writeTextFile(LIST, Array.from({ length: 600 }, (_, n) => `${3 * n}\n`).join(""));
    assert.equal(await errorCode(1, ...create("--badblocks", LIST)), "refused");
    assert.deepEqual((await json(0, "list")).devices, []);
    const made = await json(0, ...create("--badblocks", LIST, "--max-remaps", "0"));
    assert.equal(made.known_bad.remapped_sectors, 1200);
    await remove();
  }],
];
