// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { MemoryImage, openImage, ShortImageError } from "./image.ts";
import { readBlocks } from "./reader.ts";

Deno.test("a file is read and written from the start of the range on", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, Uint8Array.from({ length: 16384 }, (_, at) => at >> 9));
    {
      using image = openImage(path, { write: true, startSectors: 8 });
      assert.equal(image.sizeBytes, 12288);
      assert.deepEqual([...image.read(512, 2)], [9, 9]);
      image.write(12286, Uint8Array.of(1, 2));
      image.sync();
      assert.throws(() => image.read(12000, 300), ShortImageError);
    }
    assert.deepEqual([...(await Deno.readFile(path)).subarray(-3)], [31, 1, 2]);
    using readOnly = openImage(path);
    assert.throws(() => readOnly.write(0, Uint8Array.of(1)));
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("blocks behind one that cannot be read are read all the same", () => {
  const image = new MemoryImage(4096 * 600);
  for (let at = 0; at < 600; at++) image.bytes[at * 4096] = at % 251;
  const read = image.read.bind(image);
  image.read = (offset, length) => {
    if (offset <= 300 * 4096 && offset + length > 300 * 4096) throw new Error("medium error");
    return read(offset, length);
  };
  const blocks = [...readBlocks(image, 10, 590)];
  assert.equal(blocks.length, 590);
  for (const block of blocks) {
    if (block.index === 290) assert.equal(block.bytes === undefined && block.error, "medium error");
    else assert.equal(block.bytes?.[0], (block.index + 10) % 251);
  }
});
