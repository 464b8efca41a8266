// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { SystemError } from "./errors.ts";
import { probeSignature } from "./libblkid.ts";

const MIB = 1024 * 1024;
const LABEL = "mine";

/** The head of an ext4 file system, as far as libblkid looks at it: the superblock at 1 KiB. */
function ext4Head(): Uint8Array {
  const head = new Uint8Array(2048);
  const superblock = new DataView(head.buffer, 1024);
  superblock.setUint32(0, 64, true); // inodes
  superblock.setUint32(4, 1024, true); // blocks
  superblock.setUint16(56, 0xef53, true); // magic
  superblock.setUint32(76, 1, true); // dynamic revision
  superblock.setUint16(88, 256, true); // inode size
  superblock.setUint32(92, 4, true); // has a journal
  superblock.setUint32(96, 0x40, true); // has extents
  head.set(Uint8Array.from({ length: 16 }, (_, i) => i + 1), 1024 + 104);
  head.set(new TextEncoder().encode(LABEL), 1024 + 120);
  return head;
}

/** An empty DOS partition table with one partition. */
function dosHead(): Uint8Array {
  const head = new Uint8Array(512);
  head.set([0, 0, 2, 0, 0x83, 0, 0, 0, 1, 0, 0, 0, 0xff, 7, 0, 0], 446);
  head.set([0x55, 0xaa], 510);
  return head;
}

function image(parts: readonly (readonly [number, Uint8Array])[]): { path: string } & Disposable {
  const path = Deno.makeTempFileSync({ prefix: "libblkid-" });
  const bytes = new Uint8Array(4 * MIB);
  for (const [offset, part] of parts) bytes.set(part, offset);
  Deno.writeFileSync(path, bytes);
  return { path, [Symbol.dispose]: () => Deno.removeSync(path) };
}

Deno.test("nothing on an empty image", () => {
  using empty = image([]);
  assert.equal(probeSignature(empty.path), undefined);
});

Deno.test("a file system, with its label and UUID", () => {
  using disk = image([[0, ext4Head()]]);
  assert.deepEqual(probeSignature(disk.path), {
    type: "ext4",
    usage: "filesystem",
    label: LABEL,
    uuid: "01020304-0506-0708-090a-0b0c0d0e0f10",
    ambivalent: false,
  });
});

Deno.test("a partition table", () => {
  using disk = image([[0, dosHead()]]);
  const found = probeSignature(disk.path);
  assert.equal(found?.type, "dos");
  assert.equal(found?.usage, "partition table");
});

Deno.test("a part of a device is asked by itself", () => {
  using disk = image([[2 * MIB, ext4Head()]]);
  const range = { offset: BigInt(2 * MIB), length: BigInt(MIB) };
  assert.equal(probeSignature(disk.path), undefined);
  assert.equal(probeSignature(disk.path, range)?.type, "ext4");
});

Deno.test("two file systems in one place are ambivalent, and both are named", () => {
  // ext4 leaves the first KiB to boot loaders: there is room for another magic.
  const romfs = new TextEncoder().encode("-rom1fs-");
  using disk = image([[0, ext4Head()], [0, romfs]]);
  const found = probeSignature(disk.path);
  assert.equal(found?.ambivalent, true);
  assert.deepEqual(found?.type.split(", ").sort(), ["ext4", "romfs"]);
});

Deno.test("a path that is not there", () => {
  assert.throws(
    () => probeSignature("/nonexistent/disk"),
    (error) => error instanceof SystemError && error.code === "ENOENT",
  );
});
