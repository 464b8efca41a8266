// SPDX-License-Identifier: GPL-2.0-only
// What can be tried where: not every kernel and not every machine has every way to break a disk.
import { findProgram } from "../../../kmod/process.ts";
import { CheckError } from "../../check.ts";
import { run, tryRun } from "../../programs.ts";
import type { Scope } from "../../scope.ts";
import { ElsewhereError } from "../../stage.ts";

/** Set for the guest that `selftest --vm` starts: it has everything that its kernel could have. */
export const FAULT_DISKS_VARIABLE = "DMREMAP_FAULT_DISKS";

function inFaultGuest(): boolean {
  return Deno.env.get(FAULT_DISKS_VARIABLE) === "1";
}

/** Something is not there that a machine may well lack, but never a guest of the lab. */
export function missing(what: string): Error {
  return inFaultGuest()
    ? new CheckError("what the guest has", what, "nothing of the kind")
    : new ElsewhereError(`${what} is not to be had here; \`selftest errors --vm\` has it`);
}

/** Something that this kernel, as its version or its configuration tell, does not have. */
export function notInThisKernel(what: string): Error {
  return new ElsewhereError(`this kernel has no ${what}`);
}

/** Whether this kernel is at least of this version. */
export function kernelIsAtLeast(major: number, minor: number): boolean {
  const [ownMajor = 0, ownMinor = 0] = Deno.osRelease().split(".").map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

/** The lab's own kernel with all checks, which has drivers that Debian's kernels lack. */
export function isDebugKernel(): boolean {
  return Deno.osRelease().includes("dmremap-debug");
}

export function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Has a driver loaded; the scope unloads one that was not loaded before. */
export async function useDriver(
  scope: Scope,
  module: string,
  parameters: readonly string[] = [],
): Promise<void> {
  const folder = `/sys/module/${module.replaceAll("-", "_")}`;
  if (exists(folder)) return;
  if (findProgram("modprobe") === undefined) throw missing("the program modprobe");
  const loaded = await tryRun("modprobe", [module, ...parameters]);
  if (loaded.code !== 0) throw missing(`the driver ${module}`);
  scope.defer(`the driver ${module}`, async () => {
    if (exists(`${folder}/initstate`)) await run("rmmod", [module]);
  });
}

/** Waits for something to come up, or to happen. */
export async function until(what: string, holds: () => unknown, limitMs = 60_000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!await holds()) {
    if (performance.now() > end) {
      throw new CheckError(what, `within ${limitMs / 1000} s`, "not so");
    }
    await pause(10);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
