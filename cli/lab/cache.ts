// SPDX-License-Identifier: GPL-2.0-only
import { LabError } from "./errors.ts";
import { exists, type Log } from "./exec.ts";

/** Where kernels and other things that are costly to make are kept, outside of any repository. */
export function cacheDir(): string {
  const xdg = Deno.env.get("XDG_CACHE_HOME");
  if (xdg) return `${xdg}/dmremap-ts`;
  const home = Deno.env.get("HOME");
  if (!home) {
    throw new LabError("neither XDG_CACHE_HOME nor HOME is set: nowhere to keep the cache");
  }
  return `${home}/.cache/dmremap-ts`;
}

/** The first hex digits of the SHA-256 of the parts: the key of something cached. */
export async function digest(...parts: readonly string[]): Promise<string> {
  const bytes = new TextEncoder().encode(parts.join("\0"));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash.subarray(0, 6), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Gives the cached directory `name`, made by `make` if it is not there yet. A directory counts only
 * when its making ended well; several processes that ask at once wait for the first.
 */
export async function cached(
  name: string,
  log: Log,
  make: (dir: string) => Promise<void>,
): Promise<string> {
  const dir = `${cacheDir()}/${name}`;
  const stamp = `${dir}/.complete`;
  if (await exists(stamp)) return dir;
  await Deno.mkdir(cacheDir(), { recursive: true });
  using lock = await Deno.open(`${cacheDir()}/${name.replaceAll("/", "-")}.lock`, {
    create: true,
    write: true,
  });
  const waiting = setTimeout(() => log(`waiting for another process that makes ${name}`), 2000);
  try {
    await lock.lock(true);
  } finally {
    clearTimeout(waiting);
  }
  if (await exists(stamp)) return dir;
  await Deno.remove(dir, { recursive: true }).catch(() => {});
  await Deno.mkdir(dir, { recursive: true });
  await make(dir);
  await Deno.writeTextFile(stamp, "");
  return dir;
}
