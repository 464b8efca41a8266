// SPDX-License-Identifier: GPL-2.0-only
import { siblingSuite } from "./apt_sources.ts";
import { releaseCodename, systemSources } from "./apt.ts";
import { BUILD_FOLDER_RECIPE, makeBuildFolder } from "./build_folder.ts";
import { cached, digest } from "./cache.ts";
import { releaseFromHeader } from "./debian_kernel.ts";
import { LabError } from "./errors.ts";
import { exec, exists, type Log, messageOf } from "./exec.ts";
import type { Kernel } from "./kernels.ts";
import { BOOTSTRAP_PACKAGES, ensurePackages } from "./packages.ts";

/** The release whose backports have the newest kernel that Debian builds for a stable release. */
const RELEASE = "trixie";
const BACKPORTS = `${RELEASE}-backports`;

/** Beside make, which brings no compiler: the headers do, the one that they were built with. */
const INCLUDED = [
  `linux-image-amd64/${BACKPORTS}`,
  `linux-headers-amd64/${BACKPORTS}`,
  "make",
  "sparse",
];

/**
 * Debian's newest kernel. Its build tools do not run on an older release, so it comes with a system
 * of its own, in a folder: packages are unpacked there, none is installed. Only root can use it.
 */
export async function ensureNewestKernel(log: Log): Promise<Kernel> {
  if (Deno.uid() !== 0) {
    throw new LabError(
      "modules for the newest kernel are built in a system of its own, which root alone can enter",
    );
  }
  const recipe = [RELEASE, ...INCLUDED, SPARSE, CHECKER_VALID, BUILD_FOLDER_RECIPE];
  const name = `kernels/debian-newest-${await digest(...recipe)}`;
  const dir = await cached(name, log, async (dir) => {
    await ensurePackages(BOOTSTRAP_PACKAGES, log);
    await bootstrap(`${dir}/root`, log);
    const release = await onlyRelease(dir);
    await equip(`${dir}/root`);
    await exec(["depmod", "-b", `${dir}/root`, release]);
    const headers = `/usr/src/linux-headers-${release}`;
    await makeBuildFolder(`${dir}/build`, { root: `${dir}/root`, headers });
    await verify(dir, release);
  });
  const release = await onlyRelease(dir);
  const modulesDir = modulesOf(dir, release);
  const image = `${modulesDir}/vmlinuz`;
  const kdir = `${dir}/build`;
  // It patches the reading of its clock, which is inline, when it finds a better clock at boot.
  return { id: "newest", release, image, modulesDir, kdir, oneThread: true };
}

function modulesOf(dir: string, release: string): string {
  return `${dir}/root/usr/lib/modules/${release}`;
}

async function onlyRelease(dir: string): Promise<string> {
  const folder = `${dir}/root/usr/lib/modules`;
  const found = await Array.fromAsync(Deno.readDir(folder)).catch(() => []);
  const [first] = found;
  if (first === undefined || found.length > 1) {
    throw new LabError(`there should be one kernel in ${folder}, and there are ${found.length}`);
  }
  return first.name;
}

/** Unpacks the kernel, its headers and what these need; apt checks what it gets by its signatures. */
async function bootstrap(root: string, log: Log): Promise<void> {
  const codename = await releaseCodename();
  const sources = await systemSources();
  const lines = [RELEASE, BACKPORTS].map((suite) => siblingSuite(sources, codename, suite)?.trim());
  const [release, backports] = lines;
  if (release === undefined || backports === undefined) {
    throw new LabError(
      `apt's sources have no entry for ${codename} main to derive ${RELEASE} from`,
    );
  }
  log(
    `fetching the newest kernel (${BACKPORTS}) with a system to build for it; takes a minute, once`,
  );
  const settings = await Deno.makeTempFile({ prefix: "dmremap-apt-" });
  try {
    await Deno.writeTextFile(settings, await acquireSettings());
    await exec([
      ...["mmdebstrap", "--variant=extract", `--aptopt=${settings}`],
      // A pattern takes an option of its own.
      ...["--include=?essential", `--include=${INCLUDED.join(",")}`],
      ...[RELEASE, root, release, backports],
    ]);
  } catch (cause) {
    throw new LabError(
      `cannot fetch Debian's newest kernel (${BACKPORTS}) from where this machine's apt gets its ` +
        `packages:\n${complaintsOf(messageOf(cause))}`,
      { cause },
    );
  } finally {
    await Deno.remove(settings);
  }
}

/** What a failed mmdebstrap says beside its progress. */
export function complaintsOf(output: string): string {
  const lines = output.split("\n").filter((line) => line.startsWith("E: "));
  return lines.length > 0 ? lines.join("\n") : output;
}

/**
 * How this machine's apt gets its files: proxies, and what the mirror calls for. Another user than
 * root would not find the way into root's cache.
 */
async function acquireSettings(): Promise<string> {
  const all = await exec(["apt-config", "dump", "--no-empty"]);
  const own = all.split("\n").filter((line) => line.startsWith("Acquire::"));
  return [...own, 'APT::Sandbox::User "root";', ""].join("\n");
}

/**
 * Sparse as it is packaged does not know two words that the newest headers use: an operator that is
 * `__typeof__` as far as sparse goes, and the length of a literal in a constant expression.
 */
const SPARSE = `#!/bin/sh
exec /usr/bin/sparse -D__typeof_unqual__=__typeof__ \\
  '-D__builtin_strlen(text)=(sizeof(text) - 1)' "$@"
`;

/** The headers' package lacks the script that the build asks whether the checker (`C=2`) can run. */
const CHECKER_VALID = `#!/bin/sh
"$@" /dev/null >/dev/null 2>&1 && echo 1 || echo 0
`;

/** What would be done by packages that are installed, and what sparse needs. */
async function equip(root: string): Promise<void> {
  if (!await exists(`${root}/usr/bin/awk`)) await Deno.symlink("mawk", `${root}/usr/bin/awk`);
  await Deno.mkdir(`${root}/usr/local/bin`, { recursive: true });
  await Deno.writeTextFile(`${root}/usr/local/bin/sparse`, SPARSE, { mode: 0o755 });
  for await (const { name } of Deno.readDir(`${root}/usr/lib`)) {
    if (!name.startsWith("linux-kbuild-")) continue;
    const script = `${root}/usr/lib/${name}/scripts/checker-valid.sh`;
    if (!await exists(script)) await Deno.writeTextFile(script, CHECKER_VALID, { mode: 0o755 });
  }
}

/** That what was fetched belongs together: image, modules and headers of one release. */
async function verify(dir: string, release: string): Promise<void> {
  const modules = modulesOf(dir, release);
  const inside = releaseFromHeader(await Deno.readFile(`${modules}/vmlinuz`));
  if (inside !== release) throw new LabError(`${modules}/vmlinuz is of ${inside}`);
  for (const file of [`${modules}/modules.dep`, `${dir}/build/.config`]) {
    if (!await exists(file)) throw new LabError(`the newest kernel has no ${file}`);
  }
}
