// SPDX-License-Identifier: GPL-2.0-only
import { type Extent, PAYLOAD_KEY } from "../embed/payload.ts";
import { xxh32 } from "./xxh32.ts";

/** What a packed file is made of. */
export interface Parts {
  readonly launcher: Uint8Array;
  readonly runtime: Uint8Array;
  readonly archive: Uint8Array;
  readonly script: Uint8Array;
  readonly codeCache: Uint8Array;
  /** The bundled boot script, without the description of the payload. */
  readonly boot: string;
  readonly git: string;
}

/** The parts cannot be put together. */
export class LayoutError extends Error {
  override readonly name = "LayoutError";
}

const MAGIC = "DMREMAP-PAYLOAD1";
const PAGE = 4096;

/** The bytes of the packed file: launcher/launcher.c says how they are laid out. */
export function assemble(parts: Parts): Uint8Array<ArrayBuffer> {
  checkRuntime(parts.runtime);
  let end = 0;
  const place = (content: Uint8Array, alignment = 1): Extent => {
    const offset = Math.ceil(end / alignment) * alignment;
    end = offset + content.length;
    return { offset, size: content.length };
  };
  const launcher = place(parts.launcher);
  const runtime = place(parts.runtime, PAGE);
  const archive = place(parts.archive, PAGE);
  const script = place(parts.script);
  const codeCache = place(parts.codeCache);
  const description = JSON.stringify({ git: parts.git, archive, script, codeCache });
  const bootContent = new TextEncoder().encode(
    `globalThis[Symbol.for(${JSON.stringify(PAYLOAD_KEY)})] = ${description};\n${parts.boot}`,
  );
  const boot = place(bootContent);

  const file = new Uint8Array(end);
  file.set(parts.launcher, launcher.offset);
  file.set(parts.runtime, runtime.offset);
  file.set(parts.archive, archive.offset);
  file.set(parts.script, script.offset);
  file.set(parts.codeCache, codeCache.offset);
  file.set(bootContent, boot.offset);
  writeHeader(file, parts.launcher, runtime, boot);
  return file;
}

/** Fills in `struct payload` of launcher.c. */
function writeHeader(file: Uint8Array, launcher: Uint8Array, runtime: Extent, boot: Extent): void {
  const view = new DataView(file.buffer, file.byteOffset + findHeader(launcher));
  const numbers = [file.length, runtime.offset, boot.offset, boot.size];
  numbers.forEach((number, i) => view.setBigUint64(16 + 8 * i, BigInt(number), true));
  view.setUint32(48, xxh32(file.subarray(runtime.offset)), true);
}

function findHeader(launcher: Uint8Array): number {
  const text = new TextDecoder("latin1").decode(launcher);
  const at = text.indexOf(MAGIC);
  if (at < 0 || text.indexOf(MAGIC, at + 1) >= 0) {
    throw new LayoutError("the launcher has no place, or more than one, for the description");
  }
  return at;
}

/** The launcher loads what the npm package ships: a position-independent ELF file of x86-64. */
function checkRuntime(runtime: Uint8Array): void {
  const view = new DataView(runtime.buffer, runtime.byteOffset, runtime.byteLength);
  const isElf64 = runtime.length > 64 && view.getUint32(0) === 0x7f454c46 && runtime[4] === 2;
  const ET_DYN = 3, EM_X86_64 = 62;
  if (!isElf64 || view.getUint16(16, true) !== ET_DYN || view.getUint16(18, true) !== EM_X86_64) {
    throw new LayoutError("the runtime is not a position-independent executable for x86-64");
  }
}
