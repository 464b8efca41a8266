// SPDX-License-Identifier: GPL-2.0-only

/** A piece of the packed file. */
export interface Extent {
  readonly offset: number;
  readonly size: number;
}

/** What the packer says about the file that it wrote; the boot script starts with it. */
export interface PackedPayload {
  /** `git describe` of the tree that was packed. */
  readonly git: string;
  /** The embedded files. */
  readonly archive: Extent;
  /** The bundled program, one function of (require, module, exports). */
  readonly script: Extent;
  /** V8's code cache of the script; may be empty. */
  readonly codeCache: Extent;
}

/** The packed file looks different from what its own boot script says. */
export class PayloadError extends Error {
  override readonly name = "PayloadError";
}

/** Under which name the description lies on `globalThis`. */
export const PAYLOAD_KEY = "dmremap-ts.payload";

/** The description of the packed file, if this program runs from one. */
export function packedPayload(): PackedPayload | undefined {
  const value: unknown = Reflect.get(globalThis, Symbol.for(PAYLOAD_KEY));
  return isPayload(value) ? value : undefined;
}

/** Whether this program runs from the single file that `deno task pack` writes. */
export function isPacked(): boolean {
  return packedPayload() !== undefined;
}

/**
 * Reads a piece of the packed file. The kernel's link leads to the very file that was started,
 * even if another one has taken its name since.
 */
export function readSelf(extent: Extent): Uint8Array<ArrayBuffer> {
  using file = Deno.openSync("/proc/self/exe");
  file.seekSync(extent.offset, Deno.SeekMode.Start);
  const content = new Uint8Array(extent.size);
  let filled = 0;
  while (filled < content.length) {
    const count = file.readSync(content.subarray(filled));
    if (count === null) throw new PayloadError("the packed file ends too early");
    filled += count;
  }
  return content;
}

function isPayload(value: unknown): value is PackedPayload {
  return typeof value === "object" && value !== null &&
    ["git", "archive", "script", "codeCache"].every((key) => key in value);
}
