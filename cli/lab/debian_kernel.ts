// SPDX-License-Identifier: GPL-2.0-only
import {
  type Archive,
  backportsArchive,
  dependencies,
  fetchPackages,
  SYSTEM_ARCHIVE,
} from "./apt.ts";
import { cached } from "./cache.ts";
import { LabError } from "./errors.ts";
import { exec, exists, type Log } from "./exec.ts";
import type { Kernel } from "./kernels.ts";
import { ensurePackages, MODULE_BUILD_PACKAGES } from "./packages.ts";

/** A kernel of Debian's: the one installed on this machine, else its packages unpacked in the cache. */
export async function ensureDebianKernel(
  series: string,
  suite: "release" | "backports",
  log: Log,
): Promise<Kernel> {
  await ensurePackages(MODULE_BUILD_PACKAGES, log);
  const installed = await installedKernel(series);
  if (installed) return installed;
  const archive = suite === "release" ? SYSTEM_ARCHIVE : await backportsArchive();
  // The cache comes first: a machine without network must get along with what it fetched before.
  const dir = await cached(`kernels/debian-${series}`, log, async (dir) => {
    await archive.refresh(log);
    const names = await kernelPackages(series, archive);
    await fetchPackages(names, dir, { archive, log });
    await relocateHeaders(dir);
  });
  return kernelIn(dir, series);
}

/** The newest installed kernel of a series that has its headers installed too. */
async function installedKernel(series: string): Promise<Kernel | undefined> {
  const releases: string[] = [];
  for (const name of await namesIn("/boot")) {
    const release = /^vmlinuz-(.*-amd64)$/.exec(name)?.[1];
    if (release?.startsWith(`${series}.`)) releases.push(release);
  }
  releases.sort((a, b) => a.localeCompare(b, "en", { numeric: true })).reverse();
  for (const release of releases) {
    const modulesDir = `/lib/modules/${release}`;
    if (await exists(`${modulesDir}/build/Makefile`) && await exists(`${modulesDir}/modules.dep`)) {
      const image = `/boot/vmlinuz-${release}`;
      return { id: series, release, image, modulesDir, kdir: `${modulesDir}/build` };
    }
  }
  return undefined;
}

/** The packages that the two meta packages lead to: image, headers, common headers, build tools. */
async function kernelPackages(series: string, archive: Archive): Promise<string[]> {
  const [image] = await dependencies("linux-image-amd64", archive);
  const [headers] = await dependencies("linux-headers-amd64", archive);
  if (!image?.startsWith(`linux-image-${series}.`) || headers === undefined) {
    throw new LabError(
      `this machine's archives have no kernel ${series}: linux-image-amd64 is ${
        image ?? "not there"
      }`,
    );
  }
  const needed = await dependencies(headers, archive);
  return [image, headers, ...needed.filter((name) => /^linux-(headers|kbuild)-/.test(name))];
}

/**
 * Makes unpacked headers usable where they are. Their Makefile includes an absolute path; and where
 * there is a vmlinux, a module gets type information from it, which takes one more tool (pahole) and
 * is of no use in a test.
 */
async function relocateHeaders(dir: string): Promise<void> {
  for await (const entry of Deno.readDir(`${dir}/usr/src`)) {
    const headers = `${dir}/usr/src/${entry.name}`;
    const text = await Deno.readTextFile(`${headers}/Makefile`).catch(() => "");
    const moved = text.replaceAll(/^include \/usr\/src/gm, `include ${dir}/usr/src`);
    if (moved !== text) await Deno.writeTextFile(`${headers}/Makefile`, moved);
    await Deno.remove(`${headers}/vmlinux`).catch(() => {});
  }
}

async function kernelIn(dir: string, id: string): Promise<Kernel> {
  const names = await namesIn(`${dir}/boot`);
  const release = names.map((name) => /^vmlinuz-(.*)$/.exec(name)?.[1]).find(Boolean);
  if (release === undefined) throw new LabError(`no kernel image in ${dir}/boot`);
  const lib = await exists(`${dir}/usr/lib/modules`) ? `${dir}/usr/lib` : `${dir}/lib`;
  const modulesDir = `${lib}/modules/${release}`;
  if (!await exists(`${modulesDir}/modules.dep`)) {
    await ensurePackages(["kmod"], () => {});
    await exec(["depmod", "-b", lib === `${dir}/lib` ? dir : `${dir}/usr`, release]);
  }
  return {
    id,
    release,
    image: `${dir}/boot/vmlinuz-${release}`,
    modulesDir,
    kdir: `${dir}/usr/src/linux-headers-${release}`,
  };
}

/** A kernel image given by its path; its modules and headers are looked for in their usual places. */
export async function ensureImage(path: string): Promise<Kernel> {
  let image: string;
  try {
    image = await Deno.realPath(path);
  } catch (cause) {
    throw new LabError(`no kernel image ${path}`, { cause });
  }
  const release = releaseFromName(image) ?? releaseFromHeader(await Deno.readFile(image));
  if (release === undefined) {
    throw new LabError(`${path} is not a kernel image that says its release`);
  }
  const modulesDir = `/lib/modules/${release}`;
  if (!await exists(`${modulesDir}/modules.dep`)) {
    throw new LabError(`${path}: its modules are missing (${modulesDir})`);
  }
  return { id: path, release, image, modulesDir, kdir: `${modulesDir}/build` };
}

async function namesIn(dir: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(dir))).map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** `/boot/vmlinuz-6.1.0-1-amd64` is release `6.1.0-1-amd64`. */
export function releaseFromName(path: string): string | undefined {
  return /(?:^|\/)vmlinu[xz]-(\d[^/]*)$/.exec(path)?.[1];
}

/** The release in the header of an x86 image (Documentation/arch/x86/boot.rst: `kernel_version`). */
export function releaseFromHeader(image: Uint8Array): string | undefined {
  const text = (from: number, to: number) => new TextDecoder().decode(image.subarray(from, to));
  if (text(0x202, 0x206) !== "HdrS") return undefined;
  const start = (image[0x20e] ?? 0) + (image[0x20f] ?? 0) * 256 + 0x200;
  return /^\d[^\s\0]*/.exec(text(start, start + 200))?.[0];
}
