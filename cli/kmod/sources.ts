// SPDX-License-Identifier: GPL-2.0-only
// The module's sources as the program carries them.
import { dirname, join } from "node:path";
import { listEmbedded, readEmbedded } from "../embed/files.ts";

const PREFIX = "kmod/";
/** What a build reads; results of builds in a checkout stay out. */
const SOURCE = /(^|\/)(Kbuild|Makefile|dkms\.conf)$|\.[ch]$/;
const GENERATED = /\.mod\.c$/;

/** One source file; the path is relative to the module's folder. */
export interface SourceFile {
  readonly path: string;
  readonly content: Uint8Array;
}

/** All source files of the module. */
export function moduleSources(): SourceFile[] {
  return listEmbedded(PREFIX)
    .map((path) => path.slice(PREFIX.length))
    .filter((path) => SOURCE.test(path) && !GENERATED.test(path))
    .map((path) => ({ path, content: readEmbedded(`${PREFIX}${path}`) }));
}

/** Writes the sources into a folder. */
export function extractSources(sources: readonly SourceFile[], folder: string): void {
  for (const { path, content } of sources) {
    const target = join(folder, path);
    Deno.mkdirSync(dirname(target), { recursive: true });
    Deno.writeFileSync(target, content);
  }
}
