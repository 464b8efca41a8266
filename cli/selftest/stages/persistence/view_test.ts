// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { MemoryImage } from "../../../metadata/image.ts";
import { writeMetadata } from "../../../metadata/write.ts";
import { firstDifference } from "./files.ts";
import { describeRuns, layoutOn, viewIn } from "./view.ts";

const run = (first: number, count: number, place: string, slot?: number) => ({
  ...{ first, count, place, slot },
});

Deno.test("runs that go on where the last one ends are one", () => {
  assert.deepEqual(
    describeRuns([
      run(10, 2, "remapped", 200),
      run(12, 3, "remapped", 202),
      run(15, 1, "remapped", 300),
      run(16, 1, "lost", 301),
      run(20, 1, "pending"),
      run(21, 2, "pending"),
      run(24, 1, "pending"),
    ]),
    ["10+5 remapped 200", "15+1 remapped 300", "16+1 lost 301", "20+3 pending", "24+1 pending"],
  );
});

Deno.test("a spare's table in the words of a device", () => {
  const image = new MemoryImage(1024 * 512);
  const { slotsStart, slots } = layoutOn(1024, 512);
  writeMetadata(image, {
    uuid: "00112233-4455-6677-8899-aabbccddeeff",
    ...{ blockSectors: 1, mainStart: 0, mainSectors: 2048, mainDeviceSectors: 2048 },
    ...{ spareStart: 64, spareSectors: 1024, spareDeviceSectors: 2048 },
  }, [
    { first: 10, length: 3, slot: slotsStart, state: "remapped" },
    { first: 20, length: 1, slot: slotsStart + 8, state: "unreadable" },
    { first: 30, length: 2, slot: 0, state: "pending" },
    { first: 0, length: 4, slot: slotsStart + 16, state: "bad" },
  ]);
  assert.deepEqual(viewIn(image.bytes), {
    places: [`10+3 remapped ${64 + slotsStart}`, `20+1 lost ${72 + slotsStart}`, "30+2 pending"],
    ...{ remapped: 4, lost: 3, pending: 2, badSlots: 4, usedSlots: 8, slots },
  });
});

Deno.test("the first byte that differs, also of views into the middle", () => {
  const bytes = Uint8Array.from({ length: 1024 }, (_, index) => index % 251);
  const other = bytes.slice();
  assert.equal(firstDifference(bytes, other), -1);
  other[777]! ^= 1;
  other[900]! ^= 1;
  assert.equal(firstDifference(bytes, other), 777);
  assert.equal(firstDifference(bytes.subarray(508, 1020), other.subarray(508, 1020)), 269);
});
