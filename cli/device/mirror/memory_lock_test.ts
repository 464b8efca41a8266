// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { mappedFiles, stayInMemory } from "./memory_lock.ts";

Deno.test("files that can be read are found among what is mapped", () => {
  const maps = `55d4c0000000-55d4c0021000 r-xp 00002000 fe:00 131 /usr/bin/deno
55d4c1000000-55d4c1021000 rw-p 00000000 00:00 0 [heap]
7f0000000000-7f0000001000 ---p 00000000 fe:00 132 /usr/lib/libc.so.6
7f0000002000-7f0000003000 r--s 00000000 00:01 2057 /memfd:deno (deleted)
`;
  assert.deepEqual(mappedFiles(maps), [
    { start: 0x55d4c0000000n, length: 0x21000n },
    { start: 0x7f0000002000n, length: 0x1000n },
  ]);
});

Deno.test("the program goes on giving memory back after that", () => {
  stayInMemory();
  let kept: Uint8Array[] = [];
  for (let round = 0; round < 30; round++) {
    kept = Array.from({ length: 50 }, () => new Uint8Array(100_000).fill(round));
    const objects = Array.from({ length: 50_000 }, (_, i) => ({ i, text: `${round}-${i}` }));
    assert.equal(objects.at(-1)?.i, 49_999);
  }
  assert.equal(kept.length, 50);
});
