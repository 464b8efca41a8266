// SPDX-License-Identifier: GPL-2.0-only
// The map files of GNU ddrescue; its manual has a chapter "Mapfile structure".
import { type Area, AreaCollector, ListError, MAX_AREAS } from "./area.ts";
import { eachLine, type Pieces, shown } from "./lines.ts";

/**
 * What ddrescue knows of a block: `?` not tried, `*` failed and not trimmed, `/` failed and not
 * scraped, `-` bad sectors, `+` rescued.
 */
export const BLOCK_STATES = ["?", "*", "/", "-", "+"] as const;
/** One of {@linkcode BLOCK_STATES}. */
export type BlockState = (typeof BLOCK_STATES)[number];

/** What ddrescue was doing; those of a block, and `F` filling, `G` generating. */
export const MAP_STATES = [...BLOCK_STATES, "F", "G"] as const;
/** One of {@linkcode MAP_STATES}. */
export type MapState = (typeof MAP_STATES)[number];

export interface MapBlock extends Area {
  readonly state: BlockState;
}

/** A map file without its comments. */
export interface RescueMap {
  /** Where ddrescue was at work. */
  readonly position: bigint;
  readonly state: MapState;
  readonly pass: number;
  /** Each begins where the one before it ends. */
  readonly blocks: readonly MapBlock[];
}

/** Positions and sizes are signed numbers of 64 bits there. */
const MAX_BYTES = 2n ** 63n - 1n;

/** A number as in C++: decimal, hexadecimal behind 0x, octal behind 0. @throws {ListError} */
function integer(text: string, line: number): bigint {
  const octal = /^0([0-7]{1,22})$/.exec(text);
  const value = octal !== null
    ? BigInt(`0o${octal[1]}`)
    : /^(0|[1-9]\d{0,19}|0[xX][\da-fA-F]{1,16})$/.test(text)
    ? BigInt(text)
    : undefined;
  if (value !== undefined && value <= MAX_BYTES) return value;
  throw new ListError(line, `${shown(text)} is no number of bytes`);
}

class MapReader {
  #head: Pick<RescueMap, "position" | "state" | "pass"> | undefined;
  readonly #blocks: MapBlock[] = [];
  #end = 0n;

  line(text: string, line: number): void {
    const words = text.split(/\s+/);
    const comment = words.findIndex((word) => word.startsWith("#"));
    if (comment >= 0) words.length = comment;
    if (words.length === 0 || words[0] === "") return;
    if (this.#head === undefined) this.#readHead(words, line);
    else this.#readBlock(words, line);
  }

  #readHead(words: readonly string[], line: number): void {
    const [position = "", letter, pass = "1"] = words;
    const state = MAP_STATES.find((known) => known === letter);
    const wrong = words.length < 2 || words.length > 3 || state === undefined;
    if (wrong || !/^[1-9]\d{0,8}$/.test(pass)) {
      throw new ListError(
        line,
        `the status line "POSITION STATUS PASS" is expected, not ${shown(words.join(" "))}`,
      );
    }
    this.#head = { position: integer(position, line), state, pass: Number(pass) };
  }

  #readBlock(words: readonly string[], line: number): void {
    const [first = "", size = "", letter] = words;
    const state = BLOCK_STATES.find((known) => known === letter);
    if (words.length !== 3 || state === undefined) {
      throw new ListError(
        line,
        `"POSITION SIZE STATUS" with a status of ${BLOCK_STATES.join(" ")} is expected, not ` +
          shown(words.join(" ")),
      );
    }
    const [start, length] = [integer(first, line), integer(size, line)];
    if (length === 0n) throw new ListError(line, "the block is empty");
    if (start + length > MAX_BYTES) throw new ListError(line, "reaches beyond any disk");
    if (this.#blocks.length > 0 && start !== this.#end) {
      throw new ListError(line, `begins at ${start}, the block before it ends at ${this.#end}`);
    }
    if (this.#blocks.length >= MAX_AREAS) {
      throw new ListError(line, `more than ${MAX_AREAS} blocks`);
    }
    this.#end = start + length;
    this.#blocks.push({ start, length, state });
  }

  finish(lines: number): RescueMap {
    if (this.#head !== undefined) return { ...this.#head, blocks: this.#blocks };
    throw new ListError(Math.max(1, lines), "the status line is missing");
  }
}

/** Reads a map file as ddrescue does. @throws {ListError} */
export async function parseRescueMap(pieces: Pieces): Promise<RescueMap> {
  const reader = new MapReader();
  const lines = await eachLine(pieces, (line, number) => reader.line(line, number));
  return reader.finish(lines);
}

/** The areas in one of these states. */
export function areasIn({ blocks }: RescueMap, states: ReadonlySet<BlockState>): Area[] {
  const areas = new AreaCollector();
  for (const { start, length, state } of blocks) {
    if (states.has(state)) areas.add(start, length, 1);
  }
  return areas.finish(1);
}

/**
 * A map of `size` bytes from `start` on, with these areas in one state and all between in another.
 * The areas have to ascend, apart from each other.
 */
export function mapOf(
  areas: Iterable<Area>,
  { start, size, bad, rest }: {
    readonly start: bigint;
    readonly size: bigint;
    readonly bad: BlockState;
    readonly rest: BlockState;
  },
): RescueMap {
  const blocks: MapBlock[] = [];
  let at = start;
  const put = (end: bigint, state: BlockState) => {
    if (end > at) blocks.push({ start: at, length: end - at, state });
    if (end > at) at = end;
  };
  for (const area of areas) {
    put(area.start, rest);
    put(area.start + area.length, bad);
  }
  put(start + size, rest);
  const state = rest === "+" ? (blocks.some((block) => block.state === bad) ? "-" : "+") : "?";
  return { position: start, state, pass: 1, blocks };
}

/** Gives a map in the form in which ddrescue writes it, in pieces of text. */
export function* formatRescueMap(
  { position, state, pass, blocks }: RescueMap,
  comments: readonly string[] = [],
): Generator<string> {
  let text = comments.map((comment) => `# ${comment}\n`).join("") +
    "# current_pos  current_status  current_pass\n" +
    `${hex(position)}     ${state}               ${pass}\n` +
    "#      pos        size  status\n";
  for (const block of blocks) {
    text += `${hex(block.start)}  ${hex(block.length)}  ${block.state}\n`;
    if (text.length < 65536) continue;
    yield text;
    text = "";
  }
  yield text;
}

function hex(bytes: bigint): string {
  return `0x${bytes.toString(16).toUpperCase().padStart(8, "0")}`;
}
