// SPDX-License-Identifier: GPL-2.0-only
import { readEmbeddedText } from "../embed/files.ts";
import { fetchPackages, packageVersion } from "./apt.ts";
import { cached, cacheDir, digest } from "./cache.ts";
import { LabError } from "./errors.ts";
import { exec, exists, type Log } from "./exec.ts";
import type { Kernel } from "./kernels.ts";
import { ensurePackages, KERNEL_BUILD_PACKAGES } from "./packages.ts";

const SOURCE_PACKAGE = "linux-source-6.1";

/** Parts of the source tree that this configuration never compiles: their Kconfig files are enough. */
const LEFT_OUT = [
  "drivers/gpu/*.[ch]",
  "drivers/media/*.[ch]",
  "drivers/infiniband/*.[ch]",
  "drivers/net/ethernet/*.[ch]",
  "drivers/net/wireless/*.[ch]",
  "drivers/staging/*.[ch]",
  "sound/*.[ch]",
  "Documentation/*.rst",
];

/** The kernel with KASAN, lockdep, kmemleak and fault injection; built once, then cached. */
export async function ensureDebugKernel(log: Log): Promise<Kernel> {
  const config = readEmbeddedText("cli/lab/debug-kernel.config");
  const version = await packageVersion(SOURCE_PACKAGE, log);
  const name = `kernels/debug-${version}-${await digest(config, version)}`;
  const dir = await cached(name, log, (dir) => build(dir, config, version, log));
  const release = (await Deno.readTextFile(`${dir}/release`)).trim();
  return {
    id: "debug",
    release,
    image: `${dir}/linux/arch/x86/boot/bzImage`,
    modulesDir: `${dir}/modules/lib/modules/${release}`,
    kdir: `${dir}/linux`,
  };
}

async function build(dir: string, config: string, version: string, log: Log): Promise<void> {
  await ensurePackages(KERNEL_BUILD_PACKAGES, log);
  const archive = await sourceArchive(version, log);
  const tree = `${dir}/linux`;
  log(`unpacking ${SOURCE_PACKAGE} ${version}`);
  await Deno.mkdir(tree);
  await exec([
    ...["tar", "-xf", archive, "-C", tree, "--strip-components=1", "--wildcards"],
    ...LEFT_OUT.map((pattern) => `--exclude=*/${pattern}`),
  ]);
  await configure(tree, config);
  const jobs = `-j${navigator.hardwareConcurrency}`;
  const started = Date.now();
  log(`building the debug kernel (${version}); this takes some minutes, once`);
  await exec(["make", "-s", jobs, "bzImage", "modules"], { cwd: tree });
  await exec([
    ...["make", "-s", "modules_install", `INSTALL_MOD_PATH=${dir}/modules`],
  ], { cwd: tree });
  const release = await exec(["make", "-s", "kernelrelease"], { cwd: tree });
  await Deno.writeTextFile(`${dir}/release`, release);
  log(`built the debug kernel in ${Math.round((Date.now() - started) / 1000)} s`);
}

async function configure(tree: string, config: string): Promise<void> {
  const fragment = `${tree}/dmremap.config`;
  await Deno.writeTextFile(fragment, config);
  await exec(["make", "-s", "tinyconfig"], { cwd: tree });
  await exec(["scripts/kconfig/merge_config.sh", "-m", ".config", fragment], { cwd: tree });
  await exec(["make", "-s", "olddefconfig"], { cwd: tree });
  const lost = lostOptions(config, await Deno.readTextFile(`${tree}/.config`));
  if (lost.length > 0) {
    throw new LabError(`the kernel's configuration does not accept ${lost.join(", ")}`);
  }
}

/** The lines of a configuration fragment that did not survive into the whole configuration. */
export function lostOptions(fragment: string, config: string): string[] {
  const lines = new Set(config.split("\n"));
  return fragment.split("\n").filter((line) => {
    if (/^CONFIG_\w+=./.test(line)) return !lines.has(line);
    const off = /^# (CONFIG_\w+) is not set$/.exec(line)?.[1];
    return off !== undefined && [...lines].some((other) => other.startsWith(`${off}=`));
  });
}

/** The source archive: of the installed package, or unpacked from the package without installing it. */
async function sourceArchive(version: string, log: Log): Promise<string> {
  const installed = `/usr/src/${SOURCE_PACKAGE}.tar.xz`;
  if (await exists(installed)) return installed;
  const dir = `${cacheDir()}/sources-${version}`;
  const archive = `${dir}/usr/src/${SOURCE_PACKAGE}.tar.xz`;
  if (!await exists(archive)) await fetchPackages([SOURCE_PACKAGE], dir, { log });
  return archive;
}
