// SPDX-License-Identifier: GPL-2.0-only
// The devices of these steps, and ways to work on them.
import assert from "node:assert/strict";
import { DirectFile } from "../../../ffi/direct_file.ts";
import { openStore } from "../../../cli/store/open.ts";
import type { SlotData } from "../../../cli/store/types.ts";

/** The store of all steps but cron's. */
const STORE = "/tmp/store/snapshots.db";
/** The option for it. */
export const AT = ["--store", STORE] as const;

/** A sector that says which one it is, and of which writing. */
export function sector(number: number, writing: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(512);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < 512; at += 8) {
    view.setUint32(at, number, true);
    view.setUint32(at + 4, writing * 65536 + at, true);
  }
  return bytes;
}

/** Writes such sectors through the device. */
export async function write(first: number, count: number, writing: number): Promise<void> {
  const bytes = new Uint8Array(count * 512);
  for (let i = 0; i < count; i++) bytes.set(sector(first + i, writing), i * 512);
  using file = DirectFile.open("/dev/mapper/r0", { write: true });
  await file.write(BigInt(first) * 512n, bytes);
  await file.flush();
}

/** The content of a snapshot by sectors. */
export function contentOf(id: number): Map<number, Uint8Array> {
  using store = openStore(STORE, { readOnly: true });
  const sectors = new Map<number, Uint8Array>();
  for (const { first, length, bytes } of store.data(id) as Iterable<SlotData>) {
    for (let i = 0; i < length; i++) sectors.set(first + i, bytes.slice(i * 512, (i + 1) * 512));
  }
  return sectors;
}

/** Runs a program to its end. */
export async function sh(script: string): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command("/bin/bash", {
    args: ["-euc", script],
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  assert.equal(code, 0, `${script}\n${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}
