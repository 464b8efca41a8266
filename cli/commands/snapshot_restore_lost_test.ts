// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { UsageError } from "../device/errors.ts";
import { parseSectorRanges } from "../device/sectors.ts";
import { spansOf } from "./snapshot_restore.ts";

function spans(blockSectors: number, ...words: string[]): string {
  const device = { name: "r0", blockSectors, mainSectors: 4096 };
  return spansOf(parseSectorRanges(words), { device })
    .map(({ first, length }) => `${first}+${length}`).join(" ");
}

Deno.test("sectors that are named as lost grow to whole blocks of main", () => {
  assert.equal(spans(1, "9", "100-101"), "9+1 100+2");
  assert.equal(spans(8, "8"), "8+8");
  assert.equal(spans(8, "15"), "8+8");
  assert.equal(spans(8, "8+8"), "8+8");
  assert.equal(spans(8, "15-16"), "8+16");
  assert.equal(spans(8, "4095"), "4088+8");
  // Two in one block, and neighbours.
  assert.equal(spans(8, "17", "20", "24"), "16+16");
  assert.equal(spans(8, "40", "1"), "0+8 40+8");
});

Deno.test("sectors past the end of the device are no sectors to be lost", () => {
  assert.throws(() => spans(8, "4096"), UsageError);
  assert.throws(() => spans(1, "4095+2"), UsageError);
});
