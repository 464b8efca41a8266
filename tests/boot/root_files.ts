// SPDX-License-Identifier: GPL-2.0-only
// A Debian root file system, put together from the files of the host's own packages.
import { join } from "node:path";
import { exec } from "../../cli/lab/exec.ts";

/** Enough for systemd to bring up a machine and to take it down again. */
export const ROOT_PACKAGES = [
  "base-files",
  "bash",
  "coreutils",
  "dash",
  "dmsetup",
  "e2fsprogs",
  "findutils",
  "grep",
  "kmod",
  "libblkid1",
  "libc-bin",
  "libc6",
  "libdevmapper1.02.1",
  "libgcc-s1",
  "login",
  "mount",
  "sed",
  "systemd",
  "systemd-sysv",
  "udev",
  "util-linux",
  "util-linux-extra",
] as const;

const MERGED = ["bin", "sbin", "lib", "lib64"];
const LEFT_OUT = /^\/usr\/share\/(doc|man|locale|info|bash-completion|zsh|lintian|bug)\//;
const ACCOUNTS = ["/etc/passwd", "/etc/group", "/etc/shadow", "/etc/nsswitch.conf"];

/** Copies the packages and the libraries that they need into a folder. */
export async function stageRoot(folder: string): Promise<void> {
  for (const name of MERGED) {
    await Deno.mkdir(join(folder, "usr", name), { recursive: true });
    await Deno.symlink(`usr/${name}`, join(folder, name));
  }
  for (const name of ["dev", "proc", "sys", "run", "tmp", "var", "etc", "root", "data"]) {
    await Deno.mkdir(join(folder, name), { recursive: true });
  }
  const files = await packageFiles(ROOT_PACKAGES);
  const wanted = new Set([...files, ...await libraries(files), ...ACCOUNTS]);
  const list = join(folder, "..", "root-files");
  await Deno.writeTextFile(list, [...wanted].map((path) => path.slice(1)).sort().join("\n"));
  const archive = join(folder, "..", "root.tar");
  // One of the files may have gone since dpkg wrote its list: that is the host's own affair.
  await exec(["tar", "-C", "/", "--ignore-failed-read", "-cf", archive, "-T", list]);
  await exec(["tar", "-C", folder, "--keep-directory-symlink", "-xpf", archive]);
  await exec(["ldconfig", "-r", folder]);
  await Deno.remove(archive);
}

/** The files and links of packages; folders come with them. */
async function packageFiles(packages: readonly string[]): Promise<string[]> {
  const listed = new Set<string>();
  for (const name of packages) {
    for (const line of (await exec(["dpkg-query", "-L", name])).split("\n")) listed.add(line);
  }
  return [...listed].filter((path) => path.startsWith("/") && !LEFT_OUT.test(path) && isFile(path));
}

function isFile(path: string): boolean {
  try {
    // A link to a folder, such as /lib, is no file: its content would come with it.
    return Deno.lstatSync(path).isFile || Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** What the dynamic linker would load for these files, links and what they lead to. */
async function libraries(files: readonly string[]): Promise<string[]> {
  const programs = files.filter((path) => /\/(s?bin|systemd|udev|security)\/|\.so/.test(path));
  const { stdout } = await new Deno.Command("ldd", { args: programs, stderr: "null" }).output();
  const found = new TextDecoder().decode(stdout).matchAll(/(?:=> |^\s*)(\/\S+) \(0x/gm);
  const paths = new Set<string>();
  for (const [, path = ""] of found) {
    paths.add(path);
    paths.add(Deno.realPathSync(path));
  }
  return [...paths];
}
