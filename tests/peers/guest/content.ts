// SPDX-License-Identifier: GPL-2.0-only
//
// Content that fio writes to a device and knows again later.
import { run } from "../../suite/guest/process.ts";

const COMMON = [
  ...["--output-format=terse", "--thread", "--direct=1", "--ioengine=libaio", "--iodepth=8"],
  ...["--randseed=1", "--verify=crc32c", "--verify_fatal=1", "--verify_state_save=0"],
];

const job = (path: string, mib: number) => [
  ...["--name=content", `--filename=${path}`, `--size=${mib}m`, "--rw=randwrite"],
  ...["--bssplit=4k/60:16k/30:64k/10"],
];

/** Writes the beginning of a device, and reads all of it back. */
export async function fillWithContent(path: string, mib: number): Promise<void> {
  await run("fio", ...COMMON, ...job(path, mib));
}

/** It still holds what {@linkcode fillWithContent} wrote. */
export async function checkContentOf(path: string, mib: number): Promise<void> {
  await run("fio", ...COMMON, ...job(path, mib), "--verify_only");
}
