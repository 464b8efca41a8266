// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { writeCpio } from "./cpio.ts";

interface Parsed {
  readonly path: string;
  readonly mode: number;
  readonly data: string;
}

/** Reads the archive as the kernel does: fixed hex fields, everything aligned to four bytes. */
function parse(archive: Uint8Array): Parsed[] {
  const text = (from: number, to: number) => new TextDecoder().decode(archive.subarray(from, to));
  const align = (offset: number) => (offset + 3) & ~3;
  const entries: Parsed[] = [];
  for (let offset = 0; offset < archive.length;) {
    assert.equal(text(offset, offset + 6), "070701");
    const field = (index: number) =>
      parseInt(text(offset + 6 + index * 8, offset + 14 + index * 8), 16);
    const nameEnd = offset + 110 + field(11);
    const dataStart = align(nameEnd);
    const dataEnd = dataStart + field(6);
    const path = text(offset + 110, nameEnd - 1);
    entries.push({ path, mode: field(1), data: text(dataStart, dataEnd) });
    offset = align(dataEnd);
  }
  return entries;
}

Deno.test("a cpio archive has every entry, with its type, and ends with the trailer", () => {
  const data = new TextEncoder().encode("hello");
  const archive = writeCpio([
    { path: "bin", type: "dir" },
    { path: "/bin/hi", type: "file", data, mode: 0o755 },
    { path: "plain", type: "file", data },
    { path: "bin/link", type: "link", target: "hi" },
  ]);
  assert.deepEqual(parse(archive), [
    { path: "bin", mode: 0o040755, data: "" },
    { path: "bin/hi", mode: 0o100755, data: "hello" },
    { path: "plain", mode: 0o100644, data: "hello" },
    { path: "bin/link", mode: 0o120777, data: "hi" },
    { path: "TRAILER!!!", mode: 0, data: "" },
  ]);
});
