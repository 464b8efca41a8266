// SPDX-License-Identifier: GPL-2.0-only
import { join } from "node:path";

/** Folders and files of the repository that travel with the tool. */
const EMBEDDED = [
  "CHANGELOG.md",
  "LICENSE",
  "README.md",
  "cli/lab/",
  "deno.json",
  "deploy/",
  "docs/",
  "kmod/",
];

/** What a kernel build leaves behind, and what is hidden: must not change the packed file. */
const BUILD_PRODUCT = /(^|\/)\.|\.(o|ko|mod|mod\.c|cmd|a)$|(^|\/)(Module\.symvers|modules\.order)$/;

/** Of the lab, only what a guest is built from. */
const LAB_FILE = /^cli\/lab\/[^/]+\.config$/;

/** Whether a path of the repository belongs to the embedded files. */
export function isEmbeddedPath(path: string): boolean {
  const inTree = EMBEDDED.some((entry) =>
    entry.endsWith("/") ? path.startsWith(entry) : path === entry
  );
  return inTree && !BUILD_PRODUCT.test(path) && !path.split("/").includes("..") &&
    (!path.startsWith("cli/") || LAB_FILE.test(path));
}

/** The embedded files below `root`, sorted; those that are not there are left out. */
export function walkEmbedded(root: string): string[] {
  const found: string[] = [];
  const walk = (folder: string): void => {
    for (const entry of Deno.readDirSync(join(root, folder))) {
      const path = folder + entry.name;
      if (entry.isDirectory && !entry.name.startsWith(".")) walk(path + "/");
      else if (entry.isFile && isEmbeddedPath(path)) found.push(path);
    }
  };
  for (const entry of EMBEDDED) {
    if (!exists(join(root, entry))) continue;
    if (entry.endsWith("/")) walk(entry);
    else found.push(entry);
  }
  return found.sort();
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return false;
    throw cause;
  }
}
