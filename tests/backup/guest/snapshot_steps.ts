// SPDX-License-Identifier: GPL-2.0-only
// `snapshot`: what is kept is what was there.
import assert from "node:assert/strict";
import { errorCode, expect, json, MAIN, SPARE, type Step } from "../../conformance/guest/tool.ts";
import { AT, contentOf, sector, sh, write } from "./devices.ts";
import { BAD_SECTOR } from "./layout.ts";

/** The sectors that are relocated at first. */
const RUNS = [[100, 1], [200, 8], [1000, 300]] as const;

/** The first of the sectors that are relocated in pairs, and how far apart those are. */
const [PAIRS_FROM, APART] = [20_000, 4096];
const PAIRS = 40;

export const SNAPSHOT_STEPS: readonly Step[] = [
  ["devices with sectors that say which they are", async () => {
    await expect(0, "kmod", "load");
    await expect(0, "create", "r0", MAIN, SPARE);
    for (const [first, count] of RUNS) {
      await write(first, count, 1);
      await expect(0, "remap", "r0", `${first}+${count}`);
    }
  }],
  ["no store yet, and no device of that name", async () => {
    assert.equal(await errorCode(1, "snapshot", "list", ...AT), "store-missing");
    const { devices } = await json(1, "snapshot", "take", "none", ...AT);
    assert.deepEqual([devices[0].state, devices[0].error.code], ["failed", "not-found"]);
    assert.equal(await errorCode(2, "snapshot", "show", "x", ...AT), "usage");
    assert.equal(await errorCode(2, "snapshot", "take", "r0", "--all", ...AT), "usage");
  }],
  ["take: the table as it is, and every sector of the content", async () => {
    const planned = await json(0, "snapshot", "take", "-n", ...AT);
    assert.deepEqual([planned.devices[0].state, planned.devices[0].remapped_sectors], [
      "planned",
      309,
    ]);
    const { devices: [taken] } = await json(0, "snapshot", "take", "r0", "--with-data", ...AT);
    const { snapshot } = taken;
    assert.deepEqual([snapshot.remapped_sectors, snapshot.entries], [309, 3]);
    assert.deepEqual([snapshot.data_bytes, taken.unreadable_sectors], [309 * 512, 0]);
    const content = contentOf(snapshot.id);
    assert.equal(content.size, 309);
    for (const [first, count] of RUNS) {
      for (let i = first; i < first + count; i++) assert.deepEqual(content.get(i), sector(i, 1));
    }
    const { entries } = await json(0, "snapshot", "show", "latest", "--entries", ...AT);
    const live = (await json(0, "entries", "r0")).entries;
    assert.deepEqual(
      entries.map((each: { slot_sectors: number; start_sectors: number }) => [
        each.start_sectors,
        each.slot_sectors,
      ]),
      live.map((each: { start_sectors: number; spare_start_sectors: number }) => [
        each.start_sectors,
        each.spare_start_sectors,
      ]),
    );
    assert.equal(snapshot.identity.main_id, "serial:main");
    assert.equal(snapshot.source, "live");
  }],
  ["what is lost and what is pending is kept as that: exit code 3", async () => {
    assert.equal((await json(3, "remap", "r0", `${BAD_SECTOR}`)).lost_sectors, 1);
    const { devices: [taken] } = await json(3, "snapshot", "take", "r0", "--with-data", ...AT);
    const { snapshot } = taken;
    assert.deepEqual([snapshot.remapped_sectors, snapshot.lost_sectors], [310, 1]);
    assert.equal(contentOf(snapshot.id).size, 309);
  }],
  ["diff: lost, found, moved, returned", async () => {
    const lost = await json(0, "snapshot", "diff", "1", "2", ...AT);
    assert.deepEqual([lost.summary.lost_sectors, lost.changes.length], [1, 1]);
    assert.equal((await json(0, "snapshot", "diff", "2", "--live", ...AT)).equal, true);
    await write(BAD_SECTOR, 1, 2);
    await expect(0, "unmap", "r0", "200+4");
    await expect(0, "remap", "r0", "300+2");
    const { summary, changes } = await json(0, "snapshot", "diff", "2", "--live", "r0", ...AT);
    assert.deepEqual(
      [summary.found_sectors, summary.returned_sectors, summary.relocated_sectors],
      [1, 4, 2],
    );
    assert.deepEqual(changes.map((each: { start_sectors: number }) => each.start_sectors), [
      200,
      300,
      BAD_SECTOR,
    ]);
    assert.match((await expect(0, "snapshot", "diff", "1", "1", ...AT)).out, /no difference/);
  }],
  ["offline: the same table from the spare alone", async () => {
    const live = (await json(0, "snapshot", "take", "r0", ...AT)).devices[0].snapshot;
    const offline = ["snapshot", "take", "--offline", SPARE, ...AT];
    const refused = await json(5, ...offline);
    assert.equal(refused.devices[0].error.code, "held");
    await expect(0, "remove", "r0", "--yes");
    const [taken] = (await json(0, ...offline, "--with-data")).devices;
    assert.equal(taken.snapshot.source, "offline");
    assert.equal(taken.snapshot.digest, live.digest);
    assert.equal(taken.snapshot.device_id, live.device_id);
    const { equal } = await json(
      0,
      "snapshot",
      "diff",
      `${live.id}`,
      `${taken.snapshot.id}`,
      ...AT,
    );
    assert.equal(equal, true);
    const content = contentOf(taken.snapshot.id);
    assert.deepEqual(content.get(BAD_SECTOR), sector(BAD_SECTOR, 2));
    assert.deepEqual(content.get(1299), sector(1299, 1));
    await sh(`dd if=${SPARE} of=/tmp/spare.img bs=1M status=none`);
    const image = await json(0, "snapshot", "take", "--offline", "/tmp/spare.img", ...AT);
    assert.equal(image.devices[0].snapshot.digest, live.digest);
    await expect(0, "assemble", "r0");
  }],
  ["export and import, in both formats", async () => {
    const other = ["--store", "/tmp/store/other.db"];
    await expect(0, "snapshot", "export", "2", "/tmp/two.json", ...AT);
    assert.equal(
      await errorCode(1, "snapshot", "export", "2", "/tmp/two.json", ...AT),
      "export-failed",
    );
    const [two] = (await json(0, "snapshot", "import", "/tmp/two.json", ...other)).snapshots;
    await expect(0, "snapshot", "export", "all", "/tmp/all.db", "--format", "sqlite", ...AT);
    const imported = (await json(0, "snapshot", "import", "/tmp/all.db", ...other)).snapshots;
    assert.deepEqual(
      imported.map((each: { new: boolean; seal: string }) => [each.new, each.seal === two.seal]),
      [[true, false], [false, true], [true, false], [true, false], [true, false]],
    );
    assert.equal((await json(0, "snapshot", "check", ...other)).snapshots, 5);
  }],
  ["prune: what is wanted stays, and a dry run removes nothing", async () => {
    assert.equal(await errorCode(2, "snapshot", "prune", ...AT), "usage");
    const keep = ["snapshot", "prune", "r0", "--keep-last", "2", ...AT];
    assert.equal(await errorCode(2, ...keep), "usage");
    assert.equal((await json(0, ...keep, "-n")).removed.length, 3);
    assert.equal((await json(0, "snapshot", "list", "r0", ...AT)).snapshots.length, 5);
    assert.equal((await json(0, ...keep, "--yes")).removed.length, 3);
    assert.equal((await json(0, "snapshot", "list", ...AT)).snapshots.length, 2);
    assert.equal((await json(0, "snapshot", "check", ...AT)).sound, true);
  }],
  ["a table that changes all the time: still of one moment", async () => {
    const busy = ["--store", "/tmp/store/busy.db"];
    const loop = `for i in $(seq ${PAIRS_FROM} ${PAIRS_FROM + PAIRS - 1}); do
      dmsetup message r0 0 "remap $i 1 $((i + ${APART})) 1" >/dev/null || exit 1; done`;
    const changing = sh(loop);
    const { devices: [taken] } = await json(0, "snapshot", "take", "r0", ...busy);
    await changing;
    assert.equal(taken.state, "taken");
    const { entries } = await json(0, "snapshot", "show", "latest", "--entries", ...busy);
    const relocated = new Set(sectorsOf(entries));
    const pairs = Array.from({ length: PAIRS }, (_, i) => PAIRS_FROM + i);
    const seen = pairs.filter((each) => relocated.has(each));
    // Both of a pair are relocated by one message, one pair after the other.
    assert.deepEqual(seen, pairs.filter((each) => relocated.has(each + APART)));
    assert.deepEqual(seen, pairs.slice(0, seen.length));
  }],
];

function sectorsOf(
  entries: readonly { readonly start_sectors: number; readonly length_sectors: number }[],
): number[] {
  return entries.flatMap(({ start_sectors, length_sectors }) =>
    Array.from({ length: length_sectors }, (_, i) => start_sectors + i)
  );
}
