// SPDX-License-Identifier: GPL-2.0-only

export const SECTOR_BYTES = 512;
const WORDS = SECTOR_BYTES / 4;
const MAIN_MAGIC = 0x4e49414d;
const SPARE_MAGIC = 0x52415053;
/** Magic, seed, sector, sequence; the rest of the sector is one word that depends on them all. */
const HEADER_WORDS = 4;

/** What a sector turned out to hold. */
export type Content =
  | {
    readonly kind: "stamp";
    readonly seed: number;
    readonly sector: number;
    readonly sequence: number;
  }
  /** What the spare held before anybody wrote to it: nobody may ever see it. */
  | { readonly kind: "spare"; readonly seed: number; readonly sector: number }
  | { readonly kind: "zeros" }
  | { readonly kind: "garbage"; readonly start: string };

/** The words of a buffer that holds whole sectors. */
export function wordsOf(bytes: Uint8Array): Uint32Array {
  if (bytes.byteOffset % 4 !== 0) return wordsOf(bytes.slice());
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2);
}

function filler(magic: number, seed: number, sector: number, sequence: number): number {
  const mixed = Math.imul(seed ^ magic, 0x9e3779b1) ^ Math.imul(sector + 1, 0x85ebca77);
  return (mixed ^ Math.imul(sequence + 1, 0xc2b2ae3d)) >>> 0;
}

function put(
  words: Uint32Array,
  at: number,
  magic: number,
  seed: number,
  sector: number,
  sequence: number,
): void {
  words[at] = magic;
  words[at + 1] = seed;
  words[at + 2] = sector;
  words[at + 3] = sequence;
  words.fill(filler(magic, seed, sector, sequence), at + HEADER_WORDS, at + WORDS);
}

/** Content for `count` sectors from `first` on, unique to (seed, sector, sequence). */
export function stamps(
  seed: number,
  first: number,
  count: number,
  sequence: number,
): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(count * WORDS);
  for (let i = 0; i < count; i++) put(words, i * WORDS, MAIN_MAGIC, seed, first + i, sequence);
  return new Uint8Array(words.buffer);
}

/** Content of spare sectors that nobody has written. */
export function spareStamps(seed: number, first: number, count: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(count * WORDS);
  for (let i = 0; i < count; i++) put(words, i * WORDS, SPARE_MAGIC, seed, first + i, 0);
  return new Uint8Array(words.buffer);
}

function filled(words: Uint32Array, from: number, end: number, value: number): boolean {
  for (let i = from; i < end; i++) if (words[i] !== value) return false;
  return true;
}

/** Whether sector number `index` of a buffer is exactly this stamp; quicker than reading it. */
export function holdsStamp(
  words: Uint32Array,
  index: number,
  seed: number,
  sector: number,
  sequence: number,
): boolean {
  const at = index * WORDS;
  return words[at + 3] === sequence && words[at + 2] === sector && words[at + 1] === seed &&
    words[at] === MAIN_MAGIC &&
    filled(words, at + HEADER_WORDS, at + WORDS, filler(MAIN_MAGIC, seed, sector, sequence));
}

/** Reads sector number `index` of a buffer. */
export function contentOf(words: Uint32Array, index: number): Content {
  const at = index * WORDS;
  const [magic, seed, sector, sequence] = words.subarray(at, at + HEADER_WORDS);
  if (
    magic === undefined || seed === undefined || sector === undefined || sequence === undefined
  ) throw new RangeError(`the buffer has no sector ${index}`);
  if (filled(words, at, at + WORDS, 0)) return { kind: "zeros" };
  const whole = filled(words, at + HEADER_WORDS, at + WORDS, filler(magic, seed, sector, sequence));
  if (whole && magic === MAIN_MAGIC) return { kind: "stamp", seed, sector, sequence };
  if (whole && magic === SPARE_MAGIC) return { kind: "spare", seed, sector };
  const start = [...words.subarray(at, at + 6)].map((word) => word.toString(16).padStart(8, "0"));
  return { kind: "garbage", start: start.join(" ") };
}

export function describeContent(content: Content): string {
  switch (content.kind) {
    case "stamp":
      return `write ${content.sequence} of sector ${content.sector} (seed ${content.seed})`;
    case "spare":
      return `the unwritten spare sector ${content.sector}`;
    case "zeros":
      return "zeros";
    case "garbage":
      return `garbage (${content.start} ...)`;
  }
}
