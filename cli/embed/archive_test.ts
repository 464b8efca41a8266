// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import fc from "fast-check";
import { ArchiveError, decodeArchive, encodeArchive } from "./archive.ts";

const file = fc.record({ path: fc.string(), content: fc.uint8Array() });
const files = fc.uniqueArray(file, { selector: ({ path }) => path });

Deno.test("an archive gives back the files that went in", () => {
  fc.assert(fc.property(files, (input) => {
    const output = decodeArchive(encodeArchive(input));
    assert.equal(output.size, input.length);
    for (const { path, content } of input) assert.deepEqual(output.get(path), content);
  }));
});

Deno.test("the order of the files does not change the archive", () => {
  fc.assert(fc.property(files, (input) => {
    assert.deepEqual(encodeArchive(input), encodeArchive([...input].reverse()));
  }));
});

Deno.test("a cut archive is an error, never a shorter file", () => {
  const whole = encodeArchive([
    { path: "a", content: new Uint8Array([1, 2, 3]) },
    { path: "b", content: new Uint8Array([4]) },
  ]);
  for (let length = 0; length < whole.length; length++) {
    assert.throws(() => decodeArchive(whole.subarray(0, length)), ArchiveError, `${length}`);
  }
});
