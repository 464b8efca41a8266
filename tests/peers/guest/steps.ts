// SPDX-License-Identifier: GPL-2.0-only
//
// What the parts have in common: steps that are told to the host, and looks at the kernel's log.
import { checkEqual } from "../../../cli/selftest/check.ts";
import type { DeviceMapper } from "../../../ffi/libdevmapper.ts";
import type { KernelLogMark } from "../../../ffi/kernel_log.ts";
import type { Step } from "../../suite/guest/steps.ts";

export { StepFailed, steps } from "../../suite/guest/steps.ts";

/** What a part gets. */
export interface PartContext {
  readonly dm: DeviceMapper;
  /** More of the same. */
  readonly full: boolean;
  /** Only cases with this in their names. */
  readonly only: string;
  readonly step: Step;
}

/** Those that are asked for; that there is none is an error. */
export function chosenCases<T>(
  all: readonly T[],
  nameOf: (each: T) => string,
  { only }: PartContext,
): T[] {
  const chosen = all.filter((each) => nameOf(each).includes(only));
  if (chosen.length > 0) return chosen;
  throw new Error(`no case has "${only}" in its name: ${all.map(nameOf).join("; ")}`);
}

/** What the kernel says when an error has come up to somebody, or when a leg has been given up. */
const NOTICED = [
  /EXT4-fs (error|warning)/,
  /JBD2: .*(error|fail)/i,
  /Aborting journal/i,
  /XFS .*(error|corrupt|shutdown|shutting down)/i,
  /Buffer I\/O error on dev (dm-|md)/,
  /I\/O error.* (dm-|md\d)/,
  /lost .*page write/,
  /md\/raid.*(Disk failure|read error|rescheduling|redirecting|not correctable)/,
  /device-mapper: (raid|thin|integrity|crypt|mirror).*(fail|error|mismatch)/i,
];

/** Nobody above the target has met an error since the mark. */
export function checkUnnoticed(log: KernelLogMark | undefined): void {
  if (log === undefined) throw new Error("the kernel's log cannot be read");
  // What lies below, and the target itself, do tell.
  const lines = log.read().filter((line) => !/device-mapper: (remap|lab_bad)/.test(line));
  checkEqual(
    "errors that somebody has noticed",
    lines.filter((line) => NOTICED.some((pattern) => pattern.test(line))),
    [],
  );
}

/** Everything that is read comes from the disk again. */
export async function dropCaches(): Promise<void> {
  await Deno.writeTextFile("/proc/sys/vm/drop_caches", "3");
}

export async function sleep(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
