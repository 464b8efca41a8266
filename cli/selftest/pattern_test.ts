// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { ANY, findMismatch, makeSectors, SECTOR } from "./pattern.ts";

Deno.test("sectors hold what they were made with", () => {
  const bytes = makeSectors(10, 4, 3);
  assert.equal(findMismatch(bytes, 10, () => 3), undefined);
  assert.equal(findMismatch(new Uint8Array(2 * SECTOR), 5, () => 0), undefined);
  assert.equal(findMismatch(bytes, 99, () => ANY), undefined);
});

Deno.test("a wrong sector is told with what it holds", () => {
  const bytes = makeSectors(10, 4, 3);
  const seen = (first: number, generation: number) =>
    findMismatch(bytes, first, () => generation)?.seen;
  assert.equal(seen(10, 4), "sector 10 of write 3");
  assert.equal(seen(11, 3), "sector 10 of write 3 (another sector's data)");
  bytes.fill(0, SECTOR, 2 * SECTOR);
  assert.deepEqual(findMismatch(bytes, 10, () => 3), {
    sector: 11,
    expected: "sector 11 of write 3",
    seen: "zeros",
  });
  bytes.set(makeSectors(11, 1, 3), SECTOR);
  bytes.fill(1, 2 * SECTOR, 3 * SECTOR);
  assert.match(seen(10, 3) ?? "", /^bytes that nobody wrote \(01010101/);
  bytes.set(makeSectors(12, 1, 3), 2 * SECTOR);
  bytes[3 * SECTOR + 100]! ^= 1;
  assert.equal(seen(10, 3), "sector 13 of write 3, damaged");
  assert.equal(findMismatch(bytes, 10, (sector) => sector === 13 ? 0 : 3)?.expected, "zeros");
});
