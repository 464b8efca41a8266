// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { parseWrite, touched } from "./written.ts";

const line = (what: string) => `   fio-123   [000] .....  1.234567: block_bio_queue: 253,0 ${what}`;

Deno.test("writes are read from the trace, with and without a flush, and zeroes too", () => {
  const write = { first: 2048, count: 8 };
  assert.deepEqual(parseWrite(line("W 2048 + 8 [fio]")), write);
  assert.deepEqual(parseWrite(line("FWFS 2048 + 8 [jbd2/dm-0-8]")), write);
  assert.deepEqual(parseWrite(line("N 2048 + 8 [mkfs.ext4]")), write);
});

Deno.test("reads, discards, empty flushes and headings are none", () => {
  for (const what of ["R 2048 + 8 [fio]", "RA 2048 + 8 [fio]", "D 2048 + 8 [x]", "FF 0 + 0 [x]"]) {
    assert.equal(parseWrite(line(what)), undefined);
  }
  assert.equal(parseWrite("# tracer: nop"), undefined);
});

Deno.test("a block counts as written if a write meets any of it", () => {
  const blocks = [0, 8, 16, 24].map((sector) => ({ sector }));
  const writes = [{ first: 15, count: 2 }, { first: 32, count: 8 }];
  assert.deepEqual(touched(blocks, 8, writes).map(({ sector }) => sector), [8, 16]);
});
