// SPDX-License-Identifier: GPL-2.0-only

/**
 * Files that travel with the tool: from the packed file where this is one, from the
 * `deno compile` executable where it is that, from the repository otherwise. Paths are those of
 * the repository (`kmod/Makefile`).
 */
import { join } from "node:path";
import { decodeArchive } from "./archive.ts";
import { packedPayload, readSelf } from "./payload.ts";
import { isEmbeddedPath, walkEmbedded } from "./tree.ts";

/** A file was asked for that the tool does not carry. */
export class NotEmbeddedError extends Error {
  override readonly name = "NotEmbeddedError";

  constructor(readonly path: string, options?: ErrorOptions) {
    super(`${path} is not one of the files that come with this program`, options);
  }
}

interface EmbeddedSource {
  list(): string[];
  read(path: string): Uint8Array;
}

/** The content of one file. */
export function readEmbedded(path: string): Uint8Array {
  return source().read(path);
}

/** The content of one text file. */
export function readEmbeddedText(path: string): string {
  return new TextDecoder().decode(readEmbedded(path));
}

/** The paths that start with `prefix`, sorted. A folder is asked for with its slash: `kmod/`. */
export function listEmbedded(prefix: string): string[] {
  return source().list().filter((path) => path.startsWith(prefix));
}

let known: EmbeddedSource | undefined;

function source(): EmbeddedSource {
  return known ??= packedSource() ?? repositorySource();
}

function packedSource(): EmbeddedSource | undefined {
  const payload = packedPayload();
  if (payload === undefined) return undefined;
  const files = decodeArchive(readSelf(payload.archive));
  return {
    list: () => [...files.keys()],
    read: (path) => {
      const content = files.get(path);
      if (content === undefined) throw new NotEmbeddedError(path);
      return content;
    },
  };
}

function repositorySource(): EmbeddedSource {
  const root = join(import.meta.dirname ?? ".", "..", "..");
  return {
    list: () => walkEmbedded(root),
    read: (path) => {
      if (!isEmbeddedPath(path)) throw new NotEmbeddedError(path);
      try {
        return Deno.readFileSync(join(root, path));
      } catch (cause) {
        if (cause instanceof Deno.errors.NotFound) throw new NotEmbeddedError(path, { cause });
        throw cause;
      }
    },
  };
}
