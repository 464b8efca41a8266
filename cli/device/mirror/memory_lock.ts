// SPDX-License-Identifier: GPL-2.0-only
import { openLibrary } from "../../../ffi/shared_library.ts";

const MCL_CURRENT = 1;
const MCL_FUTURE = 2;

/**
 * Keeps this program in memory for the rest of its life. Whoever stops a device must not need a page
 * that lies on it: its own text, if that is where the root file system is, or swap.
 * @returns whether the kernel agreed
 */
export function stayInMemory(): boolean {
  const { mlockall } = openLibrary(["libc.so.6"], "libc6", {
    mlockall: { parameters: ["i32"], result: "i32" },
  });
  return mlockall(MCL_CURRENT | MCL_FUTURE) === 0;
}
