// SPDX-License-Identifier: GPL-2.0-only
// Reads what text.ts writes, and what people have made of it.
import { type Extent, type ExtentState, hasSlot } from "./extent.ts";
import {
  DERIVED_KEYS,
  LINE_STATES,
  LINK_KEYS,
  NUMBER_KEYS,
  TEXT_END,
  TEXT_KEYS,
  TEXT_VERSION,
  TIME_KEYS,
} from "./text.ts";

/** Something in a text that cannot be meant. */
export class TextError extends Error {
  override readonly name = "TextError";

  constructor(
    /** Counted from 1. */
    readonly line: number,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`line ${line}: ${reason}`, options);
  }
}

/** An extent and the line that it stands in. Its length is whatever the line says. */
export interface TextExtent extends Extent {
  readonly line: number;
}

export interface TextField {
  /** As it stands there; quotes are still around it. */
  readonly value: string;
  readonly line: number;
}

export interface ParsedText {
  readonly fields: ReadonlyMap<string, TextField>;
  /** In the order of the text. */
  readonly extents: readonly TextExtent[];
  /** Of the end. */
  readonly lines: number;
}

const KNOWN_KEYS: ReadonlySet<string> = new Set([
  "text_version",
  "uuid",
  ...Object.keys(NUMBER_KEYS),
  ...Object.keys(LINK_KEYS),
  ...Object.keys(TEXT_KEYS),
  ...Object.keys(TIME_KEYS),
  ...DERIVED_KEYS,
]);

/** @throws {TextError} */
export function parseText(text: string): ParsedText {
  const fields = new Map<string, TextField>();
  const extents: TextExtent[] = [];
  let ended = false;
  let number = 0;
  for (const raw of linesOf(text)) {
    number++;
    const line = withoutComment(raw);
    if (line === "") continue;
    if (ended) throw new TextError(number, `something follows behind "${TEXT_END}"`);
    if (fields.size === 0) requireVersion(line, number);
    if (line === TEXT_END) ended = true;
    else if (/^\w+ *:/.test(line)) takeField(fields, line, number);
    else extents.push(parseExtent(line, number));
  }
  if (!ended) {
    throw new TextError(
      Math.max(1, number),
      number === 0
        ? "the text is empty"
        : `the text was cut off: its last line is not "${TEXT_END}"`,
    );
  }
  return { fields, extents, lines: number };
}

function* linesOf(text: string): Generator<string> {
  for (let start = 0; start < text.length;) {
    const end = text.indexOf("\n", start);
    yield text.slice(start, end < 0 ? undefined : end);
    if (end < 0) return;
    start = end + 1;
  }
}

/** A `#` inside quotes belongs to the value. */
function withoutComment(line: string): string {
  const hash = line.indexOf("#");
  if (hash < 0) return line.trim();
  return (/^(?:[^"#]|"(?:[^"\\]|\\.)*")*/.exec(line)?.[0] ?? line).trim();
}

function requireVersion(line: string, number: number): void {
  const version = /^text_version *: *(\S+)$/.exec(line)?.[1];
  if (version === undefined) {
    throw new TextError(number, "this is no text of `meta dump`: that begins with text_version");
  }
  if (version !== String(TEXT_VERSION)) {
    throw new TextError(
      number,
      `the text has version ${version}; this program reads version ${TEXT_VERSION}`,
    );
  }
}

function takeField(fields: Map<string, TextField>, line: string, number: number): void {
  const [, key = "", value = ""] = /^(\w+) *: *(.*)$/.exec(line) ?? [];
  if (!KNOWN_KEYS.has(key)) throw new TextError(number, `there is no field "${key}"`);
  const earlier = fields.get(key);
  if (earlier !== undefined) {
    throw new TextError(number, `"${key}" stands in line ${earlier.line} already`);
  }
  fields.set(key, { value, line: number });
}

const RUN = /^(\d+)(?:([+-])(\d+))?(?: *-> *(\d+))?$/;

function parseExtent(text: string, line: number): TextExtent {
  const blank = text.search(/\s/);
  const word = blank < 0 ? text : text.slice(0, blank);
  const state = LINE_STATES.find((each) => each === word);
  if (state === undefined) {
    throw new TextError(
      line,
      `"${shortened(word)}" is neither a field nor a state (${LINE_STATES.join(", ")})`,
    );
  }
  const run = RUN.exec(text.slice(word.length).trim());
  if (run === null) {
    throw new TextError(line, `"${shortened(text)}" does not read "${state} ${shapeOf(state)}"`);
  }
  const [, first = "", sign, second = "", slot] = run;
  const start = sectorNumber(first, line);
  const end = sign === undefined ? 1 : sectorNumber(second, line);
  const length = sign === "-" ? end - start + 1 : end;
  if (length <= 0) throw new TextError(line, `"${shortened(text)}" has no sectors`);
  return { ...placed(state, start, slot, line), length, state, line };
}

function shapeOf(state: ExtentState): string {
  if (state === "bad") return "SLOT+LENGTH";
  return hasSlot(state) ? "FIRST+LENGTH -> SLOT" : "FIRST+LENGTH";
}

function placed(
  state: ExtentState,
  start: number,
  slot: string | undefined,
  line: number,
): { first: number; slot: number } {
  if (state === "bad" || !hasSlot(state)) {
    if (slot !== undefined) {
      throw new TextError(line, `"${state}" sectors have no "-> ${slot}"`);
    }
    return state === "bad" ? { first: 0, slot: start } : { first: start, slot: 0 };
  }
  if (slot === undefined) {
    throw new TextError(line, `"${state}" sectors need the slot where they are: "-> SLOT"`);
  }
  return { first: start, slot: sectorNumber(slot, line) };
}

function sectorNumber(digits: string, line: number): number {
  const value = Number(digits);
  if (digits === "" || !Number.isSafeInteger(value)) {
    throw new TextError(line, `"${shortened(digits)}" is no sector number`);
  }
  return value;
}

function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
