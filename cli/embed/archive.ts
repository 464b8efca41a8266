// SPDX-License-Identifier: GPL-2.0-only

/**
 * The archive of embedded files: a line of JSON (path -> size, in order), then the contents one
 * after the other. It holds no times, owners or modes, so the same files give the same bytes.
 */
export interface EmbeddedFile {
  readonly path: string;
  readonly content: Uint8Array;
}

/** The archive cannot be read: it was cut or changed. */
export class ArchiveError extends Error {
  override readonly name = "ArchiveError";
}

const NEWLINE = 0x0a;

/** Files in the order of their paths, whatever order they come in. */
export function encodeArchive(files: Iterable<EmbeddedFile>): Uint8Array<ArrayBuffer> {
  const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  const index = sorted.map(({ path, content }) => [path, content.length]);
  const head = new TextEncoder().encode(JSON.stringify(index) + "\n");
  const size = sorted.reduce((sum, { content }) => sum + content.length, head.length);
  const archive = new Uint8Array(size);
  archive.set(head);
  let offset = head.length;
  for (const { content } of sorted) {
    archive.set(content, offset);
    offset += content.length;
  }
  return archive;
}

/** The contents are views into `archive`, not copies. */
export function decodeArchive(archive: Uint8Array): Map<string, Uint8Array> {
  const headEnd = archive.indexOf(NEWLINE);
  if (headEnd < 0) throw new ArchiveError("the archive of embedded files has no index");
  const files = new Map<string, Uint8Array>();
  let offset = headEnd + 1;
  for (const [path, size] of parseIndex(archive.subarray(0, headEnd))) {
    if (offset + size > archive.length) {
      throw new ArchiveError(`the archive of embedded files ends inside ${path}`);
    }
    files.set(path, archive.subarray(offset, offset + size));
    offset += size;
  }
  return files;
}

function parseIndex(head: Uint8Array): [string, number][] {
  let index: unknown;
  try {
    index = JSON.parse(new TextDecoder().decode(head));
  } catch (cause) {
    throw new ArchiveError("the index of the embedded files is damaged", { cause });
  }
  if (!Array.isArray(index) || !index.every(isIndexEntry)) {
    throw new ArchiveError("the index of the embedded files is damaged");
  }
  return index;
}

function isIndexEntry(entry: unknown): entry is [string, number] {
  return Array.isArray(entry) && entry.length === 2 && typeof entry[0] === "string" &&
    Number.isSafeInteger(entry[1]) && entry[1] >= 0;
}
