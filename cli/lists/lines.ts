// SPDX-License-Identifier: GPL-2.0-only
import { ListError } from "./area.ts";

/** A text as it comes from a file or a pipe. */
export type Pieces = AsyncIterable<string> | Iterable<string>;

/** Nobody's list has longer lines; a file that is no text may have one of gigabytes. */
const LONGEST = 65536;

/**
 * Hands every line to `take`, without its end and the white space around it.
 * @returns how many lines there were
 * @throws {ListError} for a line that is too long
 */
export async function eachLine(
  pieces: Pieces,
  take: (line: string, number: number) => void,
): Promise<number> {
  let rest = "";
  let number = 0;
  for await (const piece of pieces) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) take(checked(line, ++number).trim(), number);
    checked(rest, number + 1);
  }
  if (rest !== "") take(rest.trim(), ++number);
  return number;
}

function checked(line: string, number: number): string {
  if (line.length <= LONGEST) return line;
  throw new ListError(number, `is longer than ${LONGEST} characters: this is no list`);
}

/** A word of a list as a terminal can be shown it. */
export function shown(text: string): string {
  const printable = text.replaceAll(/[^\x20-\x7e]/g, "?");
  return `"${printable.length > 60 ? `${printable.slice(0, 57)}...` : printable}"`;
}
