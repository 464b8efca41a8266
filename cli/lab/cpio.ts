// SPDX-License-Identifier: GPL-2.0-only

/** An entry of a cpio archive. */
export type CpioEntry =
  | {
    readonly path: string;
    readonly type: "file";
    readonly data: Uint8Array;
    readonly mode?: number;
  }
  | { readonly path: string; readonly type: "dir" }
  | { readonly path: string; readonly type: "link"; readonly target: string };

const TYPE_BITS = { file: 0o100000, dir: 0o040000, link: 0o120000 } as const;

/**
 * Writes a cpio archive in the "newc" form, the one that the Linux kernel unpacks as its initramfs.
 * A directory must come before what lies in it.
 */
export function writeCpio(entries: readonly CpioEntry[]): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const chunks: Uint8Array[] = [];
  let length = 0;
  const push = (chunk: Uint8Array) => {
    chunks.push(chunk);
    length += chunk.length;
    const rest = -length & 3;
    if (rest > 0) chunks.push(new Uint8Array(rest));
    length += rest;
  };
  let inode = 0;
  const add = (path: string, mode: number, data: Uint8Array) => {
    const name = encoder.encode(`${path}\0`);
    const fields = [++inode, mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, name.length, 0];
    const hex = fields.map((field) => field.toString(16).padStart(8, "0")).join("");
    const header = new Uint8Array(6 + hex.length + name.length);
    header.set(encoder.encode(`070701${hex}`));
    header.set(name, 6 + hex.length);
    push(header);
    push(data);
  };
  for (const entry of entries) {
    const path = entry.path.replace(/^\/+/, "");
    if (entry.type === "file") add(path, TYPE_BITS.file | (entry.mode ?? 0o644), entry.data);
    else if (entry.type === "dir") add(path, TYPE_BITS.dir | 0o755, new Uint8Array());
    else add(path, TYPE_BITS.link | 0o777, encoder.encode(entry.target));
  }
  add("TRAILER!!!", 0, new Uint8Array());
  const archive = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    archive.set(chunk, offset);
    offset += chunk.length;
  }
  return archive;
}
