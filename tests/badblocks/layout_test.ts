// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import {
  BAD_BLOCKS,
  badBlocks,
  badSlots,
  guestDisk,
  LAYOUTS,
  MAIN_SECTORS,
  PAIR,
} from "./layout.ts";

for (const layout of LAYOUTS) {
  Deno.test(`${layout.name}: bad blocks are whole, scattered, of all kinds, and repeat`, () => {
    for (const seed of [1, 2, 3]) {
      const blocks = badBlocks(layout, seed);
      assert.deepEqual(badBlocks(layout, seed), blocks);
      assert.equal(new Set(blocks.map(({ sector }) => sector)).size, BAD_BLOCKS);
      for (const { sector } of blocks) {
        assert.equal(sector % layout.unit, 0);
        assert.ok(sector >= 0 && sector < MAIN_SECTORS);
      }
      for (const kind of ["read", "write", "both"]) {
        assert.ok(blocks.filter(({ fault }) => fault === kind).length > BAD_BLOCKS / 5);
      }
      const quarters = new Set(blocks.map(({ sector }) => Math.floor(sector * 4 / MAIN_SECTORS)));
      assert.equal(quarters.size, 4);
    }
    assert.notDeepEqual(badBlocks(layout, 1), badBlocks(layout, 2));
  });

  Deno.test(`${layout.name}: two bad blocks in the 64 KiB, apart, and both refuse writes`, () => {
    for (let seed = 1; seed < 50; seed++) {
      const pair = badBlocks(layout, seed).filter(({ sector }) =>
        sector >= PAIR.first && sector < PAIR.first + PAIR.count
      );
      assert.equal(pair.length, 2);
      assert.ok(pair[1]!.sector - pair[0]!.sector > layout.unit);
      assert.ok(pair.every(({ fault }) => fault !== "read"));
    }
  });

  Deno.test(`${layout.name}: the disk fails where main is bad, not elsewhere`, () => {
    const { faults = [], sizeBytes = 0 } = guestDisk(layout, 1);
    const bad = new Set(badBlocks(layout, 1).map(({ sector }) => sector + layout.mainStart));
    const slots = badSlots(layout, 1).map((slot) => layout.mainStart + MAIN_SECTORS + slot);
    assert.equal(slots.length > 0, layout.ownSpare);
    const struck = new Set(faults.map(({ sector }) => sector));
    assert.deepEqual(struck, new Set([...bad, ...slots]));
    assert.ok(Math.max(...faults.map(({ sector }) => sector ?? 0)) * 512 < sizeBytes);
    const zeroes = faults.filter(({ iotype }) => iotype === "write-zeroes").length;
    assert.equal(zeroes, faults.filter(({ iotype }) => iotype === "write").length);
  });
}
