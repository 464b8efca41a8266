// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { alignedBuffer, isAligned } from "./aio.ts";
import { DirectFile } from "./direct_file.ts";
import { SystemError } from "./errors.ts";
import { libc } from "./libc.ts";

// Loaded for good, and here rather than in a test, which would be blamed for a leak.
libc();

const KIB = 1024;

/** A file on a file system that takes O_DIRECT; /tmp may be one that does not. */
function temporaryFile(bytes: number): { path: string } & Disposable {
  const path = Deno.makeTempFileSync({ dir: "/var/tmp", prefix: "direct-file-" });
  Deno.truncateSync(path, bytes);
  return { path, [Symbol.dispose]: () => Deno.removeSync(path) };
}

function stamp(length: number, seed: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + seed) & 0xff);
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof SystemError) return error.code;
    throw error;
  }
  return "none";
}

for (const direct of [true, false]) {
  Deno.test(`what was written is read again, many at once (direct: ${direct})`, async () => {
    using temporary = temporaryFile(4096 * KIB);
    using file = DirectFile.open(temporary.path, { write: true, direct });
    const blocks = Array.from({ length: 300 }, (_, i) => i);
    await Promise.all(blocks.map((i) => file.write(BigInt(i * 4096), stamp(4096, i))));
    await file.flush();
    const read = await Promise.all(blocks.map((i) => file.read(BigInt(i * 4096), 4096)));
    read.forEach((bytes, i) => assert.deepEqual(bytes, stamp(4096, i)));
  });
}

Deno.test("a large request and one of odd alignment in memory", async () => {
  using temporary = temporaryFile(2048 * KIB);
  using file = DirectFile.open(temporary.path, { write: true, dsync: true });
  const data = stamp(1024 * KIB + 3, 1).subarray(3);
  await file.write(4096n, data, { dsync: true });
  assert.deepEqual(await file.read(4096n, data.length), data.slice());
});

Deno.test("reads end at the end of the file", async () => {
  using temporary = temporaryFile(6 * KIB);
  using file = DirectFile.open(temporary.path, { direct: false });
  assert.equal(file.size(), 6144n);
  assert.equal(file.logicalBlockSize(), 1);
  assert.equal((await file.read(4096n, 4096)).length, 2048);
  assert.equal((await file.read(8192n, 4096)).length, 0);
});

Deno.test("errors carry operation, path and the errno of their own request", async () => {
  using temporary = temporaryFile(64 * KIB);
  using file = DirectFile.open(temporary.path);
  const results = await Promise.all([
    codeOf(file.write(0n, stamp(4096, 1))),
    codeOf(file.read(0n, 4096)),
    codeOf(file.read(-512n, 4096)),
    codeOf(file.discard(0n, 4096n)),
  ]);
  assert.deepEqual(results, ["EBADF", "none", "EINVAL", "ENOTTY"]);
  await assert.rejects(file.read(-512n, 4096), /direct-file-\w+: read failed: Invalid argument/);
});

Deno.test("opening what is not there", () => {
  assert.throws(
    () => DirectFile.open("/nonexistent/file"),
    (error) =>
      error instanceof SystemError && error.code === "ENOENT" && error.path === "/nonexistent/file",
  );
  assert.throws(() => DirectFile.open("/tmp", { write: true }), { code: "EISDIR" });
});

Deno.test("a closed file gives back what it had of the system", async () => {
  using temporary = temporaryFile(64 * KIB);
  const held = () =>
    [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) => {
      try {
        return Deno.readLinkSync(`/proc/self/fd/${name}`) === temporary.path;
      } catch {
        return false;
      }
    }).length;
  for (let time = 0; time < 3; time++) {
    using file = DirectFile.open(temporary.path);
    await file.read(0n, 4096);
    assert.equal(held(), 1);
  }
  assert.equal(held(), 0);
  assert.throws(() => DirectFile.open("/nonexistent/file"));
  assert.equal(held(), 0);
});

Deno.test("a closed file refuses, and closing twice does no harm", async () => {
  using temporary = temporaryFile(64 * KIB);
  const file = DirectFile.open(temporary.path);
  file[Symbol.dispose]();
  file[Symbol.dispose]();
  await assert.rejects(file.read(0n, 4096), /after its release/);
});

Deno.test("aligned buffers are", () => {
  for (const length of [1, 511, 4096, 100_000]) {
    const buffer = alignedBuffer(length, 4096);
    assert.equal(buffer.length, length);
    assert.ok(isAligned(buffer, 4096));
    assert.ok(length < 2 || !isAligned(buffer.subarray(1), 4096));
  }
});
