// SPDX-License-Identifier: GPL-2.0-only
import { openLibrary } from "../../../ffi/shared_library.ts";

/** A part of the address space. */
export interface MappedFile {
  readonly start: bigint;
  readonly length: bigint;
}

const LINE = /^([0-9a-f]+)-([0-9a-f]+) r\S{3} [0-9a-f]+ \S+ (\d+)/;

/** Of /proc/self/maps, what can be read of files. */
export function mappedFiles(maps: string): MappedFile[] {
  return maps.split("\n").flatMap((line) => {
    const [, from, to, inode] = LINE.exec(line) ?? [];
    if (from === undefined || to === undefined || inode === "0") return [];
    const start = BigInt(`0x${from}`);
    return [{ start, length: BigInt(`0x${to}`) - start }];
  });
}

/**
 * Keeps the text of this program and its libraries in memory for the rest of its life: whoever stops
 * a device must not need a page of a file that lies on it. Not mlockall(2): the JavaScript engine
 * gives pages of its heap back to the kernel, and dies where it cannot because they are locked.
 */
export function stayInMemory(): void {
  const { mlock } = openLibrary(["libc.so.6"], "libc6", {
    mlock: { parameters: ["usize", "usize"], result: "i32" },
  });
  for (const { start, length } of mappedFiles(Deno.readTextFileSync("/proc/self/maps"))) {
    // Where the kernel refuses there is nothing to be done but to hope that it stays anyway.
    mlock(start, length);
  }
}
