// SPDX-License-Identifier: GPL-2.0-only
// The programs that the stages use, and where they come from.
import { findProgram, type Finished, runProgram } from "../kmod/process.ts";
import { CheckError } from "./check.ts";

/** The Debian package of each program that a stage may ask for. */
const PACKAGES = {
  losetup: "mount",
  mount: "mount",
  umount: "mount",
  dmesg: "util-linux",
  addpart: "util-linux",
  fstrim: "util-linux",
  delpart: "util-linux",
  insmod: "kmod",
  rmmod: "kmod",
  modprobe: "kmod",
  "mkfs.ext4": "e2fsprogs",
  "e2fsck": "e2fsprogs",
  filefrag: "e2fsprogs",
  fio: "fio",
} as const;

export type ProgramName = keyof typeof PACKAGES;

/** Programs that are not there, with their packages; undefined if all are. */
export function describeMissing(names: readonly ProgramName[]): string | undefined {
  const missing = names.filter((name) => findProgram(name) === undefined);
  if (missing.length === 0) return undefined;
  const packages = [...new Set(missing.map((name) => PACKAGES[name]))];
  return `${missing.join(", ")} not found; install the Debian package${
    packages.length > 1 ? "s" : ""
  } ${packages.join(", ")}`;
}

/** Runs a program that has to succeed; gives back what it wrote to stdout. */
export async function run(
  name: ProgramName,
  args: readonly string[],
  options: { readonly signal?: AbortSignal | undefined; readonly accept?: readonly number[] } = {},
): Promise<string> {
  const finished = await tryRun(name, args, options.signal);
  if (finished.code !== 0 && !options.accept?.includes(finished.code)) {
    const said = `${finished.stdout}${finished.stderr}`.trim();
    throw new CheckError(
      `${name} ${args.join(" ")}`,
      "exit code 0",
      `exit code ${finished.code}${said === "" ? "" : `:\n${said}`}`,
    );
  }
  return finished.stdout;
}

/** Runs a program and says how it ended. */
export function tryRun(
  name: ProgramName,
  args: readonly string[],
  signal?: AbortSignal,
): Promise<Finished> {
  return runProgram(name, args, { signal, env: { LC_ALL: "C" } });
}
