// SPDX-License-Identifier: GPL-2.0-only
// Where built modules are kept. Root will load them, so nobody else may be able to write there.
import { join } from "node:path";

/** The tool's cache directory: below the user's cache, or below /var/cache if there is no home. */
export function cacheRoot(env: (name: string) => string | undefined = Deno.env.get): string {
  const base = env("XDG_CACHE_HOME");
  if (base !== undefined && base.startsWith("/")) return join(base, "dmremap-ts");
  const home = env("HOME");
  return home === undefined || home === ""
    ? "/var/cache/dmremap-ts"
    : join(home, ".cache", "dmremap-ts");
}

/** Whether a file or folder belongs to us (or root) and only its owner can write to it. */
export function isPrivate(path: string): boolean {
  try {
    const info = Deno.lstatSync(path);
    const owned = info.uid === Deno.uid() || info.uid === 0;
    return owned && !info.isSymlink && ((info.mode ?? 0o777) & 0o022) === 0;
  } catch {
    return false;
  }
}

/** Makes a folder that only we can write to; false if the path is not, or cannot be made, such. */
export function makePrivateFolder(path: string): boolean {
  try {
    Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch {
    return false;
  }
  return isPrivate(path);
}

/** Hex digest of named byte strings; names and lengths count, so that nothing can be moved over. */
export async function digestOf(parts: readonly (readonly [string, Uint8Array])[]): Promise<string> {
  const encoder = new TextEncoder();
  const pieces = parts.flatMap(([name, bytes]) => [
    encoder.encode(`${name}\0${bytes.length}\0`),
    bytes,
  ]);
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", whole));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
