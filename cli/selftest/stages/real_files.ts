// SPDX-License-Identifier: GPL-2.0-only
// Real files to fill a file system with, and what is known of their content.
import { join } from "node:path";
import { CheckError } from "../check.ts";

/** Where files are taken from, in this order, until there are enough. */
const SOURCES = ["/usr/share", "/usr/lib", "/usr/bin"];

export interface RealFile {
  readonly path: string;
  readonly bytes: number;
}

export interface FileChoice {
  readonly files: number;
  readonly bytes: number;
  readonly largest: number;
}

/** Picks files of all sizes from this machine, the same ones every time. */
export async function findRealFiles(choice: FileChoice): Promise<RealFile[]> {
  const found: RealFile[] = [];
  let bytes = 0;
  for (const source of SOURCES) {
    for await (const file of walk(source)) {
      if (file.bytes > choice.largest || bytes + file.bytes > choice.bytes) continue;
      found.push(file);
      bytes += file.bytes;
      if (found.length === choice.files) return found;
    }
  }
  return found;
}

/** Smaller ones hardly fill a sector or two. */
const SMALLEST = 2048;
/** At most so many files of one folder, so that there are many kinds. */
const FILES_OF_A_FOLDER = 20;

async function* walk(folder: string): AsyncGenerator<RealFile> {
  const entries = await Array.fromAsync(Deno.readDir(folder)).catch(() => []);
  entries.sort((a, b) => a.name < b.name ? -1 : 1);
  let taken = 0;
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) {
      yield* walk(path);
    } else if (entry.isFile && taken < FILES_OF_A_FOLDER) {
      const size = await Deno.stat(path).then(({ size }) => size, () => 0);
      if (size < SMALLEST) continue;
      taken++;
      yield { path, bytes: size };
    }
  }
}

export async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", bytes);
  return [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Names of files in a folder and the digests that they have to have. */
export type Digests = Map<string, string>;

/** Compares a folder with what is known of it: the same names, the same bytes. */
export async function checkFiles(what: string, folder: string, expected: Digests): Promise<void> {
  const names = new Set<string>();
  for await (const entry of Deno.readDir(folder)) if (entry.isFile) names.add(entry.name);
  const missing = [...expected.keys()].filter((name) => !names.has(name));
  if (missing.length > 0 || names.size !== expected.size) {
    throw new CheckError(
      `${what}: files`,
      `${expected.size} files`,
      `${names.size} files${
        missing.length > 0 ? `, without ${missing.slice(0, 5).join(", ")}` : ""
      }`,
    );
  }
  for (const [name, wanted] of expected) {
    const seen = await digest(await Deno.readFile(join(folder, name)));
    if (seen !== wanted) throw new CheckError(`${what}: SHA-256 of ${name}`, wanted, seen);
  }
}
