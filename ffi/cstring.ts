// SPDX-License-Identifier: GPL-2.0-only
import { libc } from "./libc.ts";

/** Text as C takes it. A NUL inside would cut it short unseen, so it is refused. */
export function toCString(text: string): Uint8Array<ArrayBuffer> {
  if (text.includes("\0")) throw new TypeError(`NUL character in ${JSON.stringify(text)}`);
  return new TextEncoder().encode(`${text}\0`);
}

/**
 * A copy of the text at a pointer; `undefined` for NULL. Bytes that are no UTF-8 come back as
 * replacement characters: `Deno.UnsafePointerView.getCString` throws at them.
 */
export function fromCString(pointer: Deno.PointerValue): string | undefined {
  if (pointer === null) return undefined;
  const bytes = new Uint8Array(Number(libc().strlen(pointer)));
  new Deno.UnsafePointerView(pointer).copyInto(bytes);
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}
