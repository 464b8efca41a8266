// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { countOf, formatBytes, formatIec, formatLength, formatPosition, UNITS } from "./units.ts";

Deno.test("lengths in each unit", () => {
  assert.equal(formatLength(204800n, "iec"), "100 MiB");
  assert.equal(formatLength(204800n, "s"), "204800s");
  assert.equal(formatLength(204800n, "b"), "104857600B");
  assert.equal(formatLength(0n, "iec"), "0 B");
  assert.equal(formatLength(1n, "iec"), "512 B");
  assert.equal(formatLength(3n, "iec"), "1.5 KiB");
});

Deno.test("IEC units do not overflow and never round up to a size that is not there", () => {
  assert.equal(formatIec(1023n), "1023 B");
  assert.equal(formatIec(1024n), "1 KiB");
  assert.equal(formatIec(1024n ** 6n), "1 EiB");
  assert.equal(formatIec(1024n * 1024n - 1n), "1023.99 KiB");
  assert.equal(formatIec(2n ** 64n * 512n), "8192 EiB");
});

Deno.test("positions stay exact", () => {
  assert.equal(formatPosition(2049n, "iec"), "2049");
  assert.equal(formatPosition(2049n, "s"), "2049");
  assert.equal(formatPosition(2049n, "b"), "1049088B");
});

Deno.test("counts agree in number", () => {
  assert.equal(countOf(1, "sector"), "1 sector");
  assert.equal(countOf(0n, "sector"), "0 sectors");
  assert.equal(countOf(2, "entry", "entries"), "2 entries");
});

Deno.test("bytes that are whole sectors, in each of the units", () => {
  assert.deepEqual(UNITS.map((units) => formatBytes(1536, units)), ["3s", "1536B", "1.5 KiB"]);
});
