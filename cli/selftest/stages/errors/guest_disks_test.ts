// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import * as disks from "./guest_disks.ts";

/** The area that a case has for itself. */
function areaOf(sector: number): number {
  return Math.floor(sector / disks.AREA);
}

Deno.test("no case meets the faults of another one", () => {
  const areas = [
    [...disks.BAD_WRITES],
    [disks.BAD_READS],
    [disks.BAD_BOTH],
    [disks.ONCE_WRITE],
    [disks.ONCE_READ],
    [disks.BAD_ZEROES],
    [disks.PARTITION_WRITE],
    [disks.TARGET_FAILURE, disks.RESERVED],
  ].map((sectors) => [...new Set(sectors.map(areaOf))]);
  assert.deepEqual(areas, [[0], [1], [2], [3], [4], [5], [6], [7]]);
});

Deno.test("each disk has all its faults inside, and the errno that its bus takes for a bad sector", () => {
  for (const { serial, bus, faults = [], sizeBytes = 0 } of disks.FAULT_DISKS) {
    assert.equal(sizeBytes, disks.GUEST_SECTORS * 512, serial);
    assert.ok(faults.every(({ sector = 0 }) => sector < disks.GUEST_SECTORS), serial);
    const medium = faults.find(({ sector }) => sector === disks.BAD_READS);
    assert.equal(medium?.errno, bus === "scsi" ? 61 : 5, serial);
  }
});
