// SPDX-License-Identifier: GPL-2.0-only
import { LabError, MissingPackagesError } from "./errors.ts";
import { exec, type Log, messageOf } from "./exec.ts";

/** What a guest run needs on the host. */
export const GUEST_PACKAGES = [
  "qemu-system-x86",
  "qemu-utils",
  "busybox-static",
  "xz-utils",
] as const;

/** What the guest programs of the selftest use; the guest sees the host's files. */
export const STAGE_PACKAGES = [
  "kmod",
  "dmsetup",
  "libdevmapper1.02.1",
  "libblkid1",
  "e2fsprogs",
  "util-linux",
  "mount",
  "fio",
] as const;

/** What building an external module takes, besides the headers. */
export const MODULE_BUILD_PACKAGES = ["gcc", "make", "libc6-dev", "libelf1"] as const;

/** What building the debug kernel takes. */
export const KERNEL_BUILD_PACKAGES = [
  ...MODULE_BUILD_PACKAGES,
  "bc",
  "bison",
  "flex",
  "kmod",
  "libelf-dev",
  "libssl-dev",
  "perl",
  "tar",
  "xz-utils",
] as const;

/** What unpacking another release's kernel into a folder takes. */
export const BOOTSTRAP_PACKAGES = ["mmdebstrap", "kmod", ...MODULE_BUILD_PACKAGES] as const;

/** What looks at the module's sources beside the compiler. */
export const CHECKER_PACKAGES = ["sparse"] as const;

/** Which of these packages are not installed. */
async function missingPackages(names: readonly string[]): Promise<string[]> {
  let text: string;
  try {
    text = await exec(["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n"]);
  } catch (cause) {
    throw new LabError(
      `the lab takes its tools from Debian packages, and dpkg-query does not work here: ` +
        messageOf(cause),
      { cause },
    );
  }
  const installed = new Set(
    text.split("\n").filter((line) => line.endsWith(" installed")).map((line) =>
      line.split(" ")[0]
    ),
  );
  return [...new Set(names)].filter((name) => !installed.has(name));
}

/** Installs what is missing of these packages, and says their names before it does so. */
export async function ensurePackages(names: readonly string[], log: Log): Promise<void> {
  const missing = await missingPackages(names);
  if (missing.length === 0) return;
  if (Deno.uid() !== 0) {
    throw new MissingPackagesError(missing, "packages are installed by root only");
  }
  log(`installing Debian packages: ${missing.join(" ")}`);
  const options = ["-y", "-qq", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=600"];
  const install = ["apt-get", "install", ...options, ...missing];
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  try {
    await refreshLists(log);
    await exec(install, { env });
  } catch (cause) {
    throw new MissingPackagesError(missing, `installing failed: ${messageOf(cause)}`, { cause });
  }
}

let refreshed = false;

/**
 * Brings apt's package lists up to date, once in the life of this process. That one of a machine's
 * sources cannot be reached is no reason to stop: what is needed may come from the others.
 */
export async function refreshLists(log: Log): Promise<void> {
  if (refreshed) return;
  log("reading Debian's package lists");
  try {
    await exec(["apt-get", "update", "-qq"]);
  } catch (error) {
    log(`going on with the package lists as they are: ${messageOf(error)}`);
  }
  refreshed = true;
}
