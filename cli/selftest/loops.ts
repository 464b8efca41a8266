// SPDX-License-Identifier: GPL-2.0-only
// Disks to test on: loop devices over sparse files.
import { run } from "./programs.ts";
import type { Scope } from "./scope.ts";

export interface LoopDisk {
  /** The block device, e.g. `/dev/loop0`. */
  readonly path: string;
  /** Its name in /sys/block. */
  readonly name: string;
  readonly sectors: number;
  /** Bytes in a logical block. */
  readonly blockSize: number;
}

export interface LoopOptions {
  readonly sectors: number;
  readonly blockSize?: 512 | 1024 | 2048 | 4096;
}

let made = 0;

/** Makes a disk in the directory, for as long as the scope lasts. */
export async function makeLoop(
  scope: Scope,
  directory: string,
  { sectors, blockSize = 512 }: LoopOptions,
): Promise<LoopDisk> {
  await ensureDriver();
  const image = `${directory}/disk${made++}.img`;
  await Deno.writeFile(image, new Uint8Array());
  scope.defer(image, () => Deno.remove(image));
  await Deno.truncate(image, sectors * 512);
  const size = blockSize === 512 ? [] : ["--sector-size", `${blockSize}`];
  const path = (await run("losetup", ["--find", "--show", ...size, image])).trim();
  scope.defer(path, async () => void await run("losetup", ["--detach", path]));
  return { path, name: path.replace("/dev/", ""), sectors, blockSize };
}

async function ensureDriver(): Promise<void> {
  const there = await Deno.stat("/dev/loop-control").then(() => true, () => false);
  if (!there) await run("modprobe", ["loop"]);
}

/** The requests that a block device has completed, from /sys/block/NAME/stat. */
export interface BlockCounters {
  readonly reads: number;
  readonly writes: number;
  readonly discards: number;
  readonly flushes: number;
}

export async function readCounters(disk: LoopDisk): Promise<BlockCounters> {
  const text = await Deno.readTextFile(`/sys/block/${disk.name}/stat`);
  const fields = text.trim().split(/\s+/).map(Number);
  const at = (index: number) => fields[index] ?? 0;
  return { reads: at(0), writes: at(4), discards: at(11), flushes: at(15) };
}
