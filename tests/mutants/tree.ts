// SPDX-License-Identifier: GPL-2.0-only
//
// Copies of the tree for mutants to live in.
import { dirname } from "node:path";
import { cacheRoot } from "../../cli/kmod/cache.ts";
import { exec } from "../../cli/lab/exec.ts";
import type { Mutant } from "./patch.ts";

/** What belongs to one command: its tree, its temporary files, its modules. */
export interface Place extends AsyncDisposable {
  readonly tree: string;
  readonly env: Readonly<Record<string, string>>;
}

/** The files that git knows, as they are now; those that were deleted are left out. */
async function trackedFiles(root: string): Promise<string[]> {
  const list = await exec(["git", "-C", root, "ls-files", "-z", "--cached"]);
  return list.split("\0").filter((path) => path !== "");
}

async function copyTree(root: string, tree: string): Promise<void> {
  const folders = new Set<string>();
  for (const path of await trackedFiles(root)) {
    const to = `${tree}/${path}`;
    if (!folders.has(dirname(to))) await Deno.mkdir(dirname(to), { recursive: true });
    folders.add(dirname(to));
    await Deno.copyFile(`${root}/${path}`, to).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
}

/**
 * A cache beside the real one: kernels and packages are shared, modules are not, since nobody will
 * ever want those of a mutant again.
 */
async function ownCache(directory: string): Promise<Record<string, string>> {
  const shared = cacheRoot();
  const own = `${directory}/dmremap-ts`;
  await Deno.mkdir(`${own}/modules`, { recursive: true, mode: 0o700 });
  await Deno.mkdir(`${shared}/kernels`, { recursive: true });
  for await (const { name } of Deno.readDir(shared)) {
    const link = name !== "modules" && name !== "mutants";
    if (link) await Deno.symlink(`${shared}/${name}`, `${own}/${name}`);
  }
  return { XDG_CACHE_HOME: directory };
}

/**
 * Deno's own: packages are shared, and what it has made of the copy's sources goes with the copy.
 */
async function ownDenoDir(directory: string): Promise<Record<string, string>> {
  const shared = Deno.env.get("DENO_DIR") ?? `${dirname(cacheRoot())}/deno`;
  await Deno.mkdir(directory);
  for (const name of ["npm", "dl"]) {
    await Deno.mkdir(`${shared}/${name}`, { recursive: true });
    await Deno.symlink(`${shared}/${name}`, `${directory}/${name}`);
  }
  return { DENO_DIR: directory };
}

/** A process that was killed a moment ago may still have put something there. */
async function removeTree(path: string, tries = 20): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    if (tries === 0) throw error;
    await new Promise((resolve) => setTimeout(resolve, 200));
    await removeTree(path, tries - 1);
  }
}

/**
 * A copy of the tree. It lies below the cache, since guests have a /tmp of their own; only what is
 * temporary lies in /tmp, where the names of sockets are short enough.
 * @param keepsModules whether its modules are worth keeping
 */
export async function copyOf(root: string, keepsModules: boolean): Promise<Place> {
  const parent = `${cacheRoot()}/mutants`;
  await Deno.mkdir(parent, { recursive: true });
  const home = await Deno.makeTempDir({ dir: parent });
  const scratch = await Deno.makeTempDir({ prefix: "dmremap-mutant-" });
  const remove = async () => {
    for (const path of [home, scratch]) await removeTree(path);
  };
  try {
    const tree = `${home}/tree`;
    await copyTree(root, tree);
    const cache = keepsModules ? {} : await ownCache(`${home}/cache`);
    const denoDir = await ownDenoDir(`${home}/deno`);
    return { tree, env: { TMPDIR: scratch, ...denoDir, ...cache }, [Symbol.asyncDispose]: remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** What git has against a mutant's change to a tree; undefined if it is done, or could be. */
export async function applyTo(
  tree: string,
  { diff }: Pick<Mutant, "diff">,
  options: readonly string[] = [],
): Promise<string | undefined> {
  const child = new Deno.Command("git", {
    args: ["apply", ...options, "-"],
    cwd: tree,
    // Within another repository git would take the patch for one of files elsewhere, and do nothing.
    env: { GIT_CEILING_DIRECTORIES: dirname(tree), LC_ALL: "C" },
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(diff));
  await writer.close();
  const { success, stderr } = await child.output();
  return success ? undefined : new TextDecoder().decode(stderr).trim();
}
