// SPDX-License-Identifier: GPL-2.0-only
// The module's sources as the program carries them.
import { dirname, join } from "node:path";
import { listEmbedded, readEmbedded } from "../embed/files.ts";

const PREFIX = "kmod/";
const SOURCE = /(^|\/)(Kbuild|Makefile|dkms\.conf)$|\.[ch]$/;
const GENERATED = /(\.mod\.c|(^|\/)compat-probed\.h)$/;

/** One source file; the path is relative to the module's folder. */
export interface SourceFile {
  readonly path: string;
  readonly content: Uint8Array;
}

/** Whether a file of the module's folder is one that a build reads, and no result of one. */
export function isModuleSource(path: string): boolean {
  return SOURCE.test(path) && !GENERATED.test(path);
}

/** All source files of the module. */
export function moduleSources(): SourceFile[] {
  return listEmbedded(PREFIX)
    .map((path) => path.slice(PREFIX.length))
    .filter(isModuleSource)
    .map((path) => ({ path, content: readEmbedded(`${PREFIX}${path}`) }));
}

/** Writes the sources into a folder; what make has seen there already keeps its time. */
export function extractSources(sources: readonly SourceFile[], folder: string): void {
  for (const { path, content } of sources) {
    const target = join(folder, path);
    Deno.mkdirSync(dirname(target), { recursive: true });
    if (!holds(target, content)) Deno.writeFileSync(target, content);
  }
}

function holds(path: string, content: Uint8Array): boolean {
  try {
    const there = Deno.readFileSync(path);
    return there.length === content.length && there.every((byte, at) => byte === content[at]);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
