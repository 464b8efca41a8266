// SPDX-License-Identifier: GPL-2.0-only
//
// The disks of the guest. The first main device is a null_blk, whose bad blocks can be set.
import { run } from "../suite/guest/process.ts";

export const DISK_SECTORS = 56 * 2048;
export const SPARE_SECTORS = 16 * 2048;
/** The file system; behind it lies what is looked at sector by sector. */
export const FS_SECTORS = 40 * 2048;

/** Raw places, in sectors of the device. */
export const RAW = {
  /** Relocated with their content. */
  remapped: { first: 84_000, count: 300 },
  /** Cannot be read, and stay so. */
  pending: { first: 90_001, count: 3 },
  /** Cannot be read, and were relocated by hand. */
  lost: { first: 95_000, count: 5 },
  /** Fail when they are written under load. */
  worn: [{ first: 100_003, count: 2 }, { first: 101_111, count: 1 }],
} as const;

/** Bad sectors in the file system; all of them are relocated before it is made. */
export const BAD_IN_FS: readonly number[] = Array.from(
  { length: 24 },
  (_, i) => 30_011 + 3_989 * i,
);

const CONFIG = "/sys/kernel/config/nullb/first";

/** Makes the first disk: it holds data, and nothing is bad as yet. */
export async function makeFirst(): Promise<string> {
  await run("modprobe", "null_blk", "nr_devices=0");
  await run("mount", "-t", "configfs", "configfs", "/sys/kernel/config").catch(() => "mounted");
  await Deno.mkdir(CONFIG);
  const settings = [["size", `${DISK_SECTORS / 2048}`], ["memory_backed", "1"], ["power", "1"]];
  for (const [name, value] of settings) await Deno.writeTextFile(`${CONFIG}/${name}`, value!);
  return "/dev/first";
}

export async function setBad(first: number, count = 1): Promise<void> {
  await Deno.writeTextFile(`${CONFIG}/badblocks`, `+${first}-${first + count - 1}`);
}

/** A dm device over another, in one or more linear or error pieces. */
export async function mapper(name: string, table: string): Promise<string> {
  await run("dmsetup", "create", name, "--table", table);
  return `/dev/mapper/${name}`;
}
