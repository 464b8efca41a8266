// SPDX-License-Identifier: GPL-2.0-only
// Content that knows where it belongs. Every sector says which sector it is and which write it is
// from, so that a wrong read shows not only that it is wrong but whose data it got.
//
// Sectors are numbers here: the stages' devices are small, and this runs for every byte they read.

export const SECTOR = 512;
const WORDS = SECTOR / 4;
const MAGIC = 0x70616d72; // "rmap"

/** Which write a sector is from. 0: it was never written by us and reads as zeros. */
export type Generation = number;
/** The generation of a sector whose content does not matter. */
export const ANY: Generation = 0xffffffff;

/** Fills sectors with their content. */
export function fillSectors(
  bytes: Uint8Array<ArrayBuffer>,
  first: number,
  generationOf: (sector: number) => Generation,
): void {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  for (let at = 0; at < words.length; at += WORDS) {
    const sector = first + at / WORDS;
    const generation = generationOf(sector);
    if (generation === 0) {
      words.fill(0, at, at + WORDS);
      continue;
    }
    words[at] = MAGIC;
    words[at + 1] = sector;
    words[at + 2] = generation;
    let mixed = Math.imul(sector, 0x9e3779b1) ^ Math.imul(generation, 0x85ebca6b);
    for (let word = 3; word < WORDS; word++) {
      mixed = Math.imul(mixed, 0x19660d) + 0x3c6ef35f | 0;
      words[at + word] = mixed;
    }
  }
}

/** New sectors of one generation. */
export function makeSectors(
  first: number,
  count: number,
  generation: Generation,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(count * SECTOR);
  fillSectors(bytes, first, () => generation);
  return bytes;
}

/** A sector that does not hold what it should. */
export interface Mismatch {
  readonly sector: number;
  readonly expected: string;
  readonly seen: string;
}

/** The first sector that does not hold its content; {@linkcode ANY} fits everything. */
export function findMismatch(
  bytes: Uint8Array<ArrayBuffer>,
  first: number,
  generationOf: (sector: number) => Generation,
): Mismatch | undefined {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  for (let at = 0; at < words.length; at += WORDS) {
    const sector = first + at / WORDS;
    const generation = generationOf(sector);
    if (generation === ANY || holds(words, at, sector, generation)) continue;
    return {
      sector,
      expected: generation === 0 ? "zeros" : `sector ${sector} of write ${generation}`,
      seen: describeSector(words.slice(at, at + WORDS), sector),
    };
  }
  return undefined;
}

const wanted = new Uint32Array(WORDS);
const wantedBytes = new Uint8Array(wanted.buffer);

function holds(words: Uint32Array, at: number, sector: number, generation: Generation): boolean {
  fillSectors(wantedBytes, sector, () => generation);
  for (let word = 0; word < WORDS; word++) {
    if (words[at + word] !== wanted[word]) return false;
  }
  return true;
}

/** What a sector that was read as `sector` holds, in words. */
function describeSector(words: Uint32Array, sector: number): string {
  if (words.every((word) => word === 0)) return "zeros";
  const [magic, owner = 0, generation = 0] = words;
  if (magic !== MAGIC) return `bytes that nobody wrote (${hex(words)}...)`;
  const whose = owner === sector ? "" : " (another sector's data)";
  const damaged = holds(words, 0, owner, generation) ? "" : ", damaged";
  return `sector ${owner} of write ${generation}${whose}${damaged}`;
}

function hex(words: Uint32Array): string {
  return [...words.subarray(0, 2)].map((word) => word.toString(16).padStart(8, "0")).join(" ");
}
