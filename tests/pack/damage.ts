// SPDX-License-Identifier: GPL-2.0-only
// A file that did not arrive whole says so, and never crashes.
import assert from "node:assert/strict";
import { type Checks, outcome } from "./checks.ts";

/** `file` is a packed file that may be spoilt. */
export async function checkDamage(checks: Checks, file: string): Promise<void> {
  const { size } = await Deno.stat(file);
  const damagedTo = async (how: RegExp): Promise<void> => {
    const { code, stdout, stderr } = await outcome([file, "--version"]);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /^dmremap-ts: this file is damaged: .*; copy it again\n$/);
    assert.match(stderr, how);
  };

  for (const at of [8192, 1 << 20, size >> 1, size - 4096, size - 1]) {
    await checks.check(`a flipped bit at ${at} is noticed`, async () => {
      await flip(file, at);
      await damagedTo(/checksum does not match/);
      await flip(file, at);
    });
  }

  await checks.check("a file with something added to its end is noticed", async () => {
    await Deno.writeTextFile(file, "x", { append: true });
    await damagedTo(/something was added/);
    await Deno.truncate(file, size);
  });

  for (const length of [size - 1, size >> 1, 1 << 20, 8192]) {
    await checks.check(`a file cut to ${length} bytes is noticed`, async () => {
      await Deno.truncate(file, length);
      await damagedTo(/its end is missing/);
    });
  }
}

async function flip(file: string, at: number): Promise<void> {
  using handle = await Deno.open(file, { read: true, write: true });
  const byte = new Uint8Array(1);
  await handle.seek(at, Deno.SeekMode.Start);
  await handle.read(byte);
  byte[0] = (byte[0] ?? 0) ^ 0x10;
  await handle.seek(at, Deno.SeekMode.Start);
  await handle.write(byte);
}
