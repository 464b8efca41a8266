// SPDX-License-Identifier: GPL-2.0-only
//
// The steps of a sequence, and their text: one line each, so that a failure can be replayed.
import { type Death, DEATHS, FAULT_KINDS, type FaultKind } from "./faults.ts";
import type { Range } from "../suite/guest/range.ts";

const SIDES = ["main", "spare"] as const;
export type Side = (typeof SIDES)[number];

export type Operation =
  | { readonly op: "read" | "discard" | "zero"; readonly range: Range }
  | { readonly op: "write" | "write-fua"; readonly range: Range }
  | { readonly op: "flush" | "suspend" | "reload" | "recreate" | "check" }
  /** Of a table with metadata: write it, or read it again. */
  | { readonly op: "save" | "restore" }
  /** To the other spare, which has no faults then. */
  | { readonly op: "migrate" }
  /** Of these sectors; on the spare they are counted from the first slot. */
  | {
    readonly op: "fault";
    readonly side: Side;
    readonly kind: FaultKind;
    readonly range: Range;
  }
  | { readonly op: "heal" | "alive"; readonly side: Side }
  | { readonly op: "dead"; readonly side: Side; readonly how: Death }
  /** A scan of the range, to its end. */
  | { readonly op: "scan"; readonly range: Range }
  | { readonly op: "remap"; readonly ranges: readonly Range[] }
  | { readonly op: "unmap" | "unmap-force"; readonly range: Range }
  | { readonly op: "clear" | "clear-force" }
  /** A message that has to be refused. */
  | { readonly op: "refuse"; readonly message: string };

/** A whole run: where, with which stamps, and what. */
export interface Sequence {
  readonly variant: string;
  readonly seed: number;
  readonly operations: readonly Operation[];
}

const RANGE_OPS = [
  "read",
  "discard",
  "zero",
  "write",
  "write-fua",
  "unmap",
  "unmap-force",
  "scan",
] as const;
const PLAIN_OPS = [
  "flush",
  "suspend",
  "reload",
  "recreate",
  "check",
  "save",
  "restore",
  "migrate",
  "clear",
  "clear-force",
] as const;

function words({ first, count }: Range): string {
  return `${first} ${count}`;
}

export function formatOperation(operation: Operation): string {
  switch (operation.op) {
    case "remap":
      return `remap ${operation.ranges.map(words).join(" ")}`;
    case "fault":
      return `fault ${operation.side} ${operation.kind} ${words(operation.range)}`;
    case "heal":
    case "alive":
      return `${operation.op} ${operation.side}`;
    case "dead":
      return `dead ${operation.side} ${operation.how}`;
    case "refuse":
      return `refuse ${operation.message}`;
    default:
      return "range" in operation ? `${operation.op} ${words(operation.range)}` : operation.op;
  }
}

function parseRanges(words: readonly string[], line: string): Range[] {
  const numbers = words.map((word) => /^\d+$/.test(word) ? Number(word) : NaN);
  if (numbers.length === 0 || numbers.length % 2 !== 0 || numbers.some(Number.isNaN)) {
    throw new SyntaxError(`"${line}": pairs of sector and count expected`);
  }
  return numbers.flatMap((first, i) => i % 2 === 0 ? [{ first, count: numbers[i + 1]! }] : []);
}

function parseWord<T extends string>(
  known: readonly T[],
  word: string | undefined,
  line: string,
): T {
  const found = known.find((each) => each === word);
  if (found !== undefined) return found;
  throw new SyntaxError(`"${line}": ${known.join(" or ")} expected`);
}

export function parseOperation(line: string): Operation {
  const [name = "", ...rest] = line.trim().split(/\s+/);
  const ranged = RANGE_OPS.find((op) => op === name);
  if (ranged !== undefined) return { op: ranged, range: parseRanges(rest, line)[0]! };
  const plain = PLAIN_OPS.find((op) => op === name);
  if (plain !== undefined) return { op: plain };
  if (name === "remap") return { op: "remap", ranges: parseRanges(rest, line) };
  if (name === "heal" || name === "alive") {
    return { op: name, side: parseWord(SIDES, rest[0], line) };
  }
  if (name === "dead") {
    const side = parseWord(SIDES, rest[0], line);
    return { op: "dead", side, how: parseWord(DEATHS, rest[1], line) };
  }
  if (name === "fault") {
    const side = parseWord(SIDES, rest[0], line);
    const kind = parseWord(FAULT_KINDS, rest[1], line);
    return { op: "fault", side, kind, range: parseRanges(rest.slice(2), line)[0]! };
  }
  if (name === "refuse") return { op: "refuse", message: rest.join(" ") };
  throw new SyntaxError(`"${line}": unknown operation`);
}

export function formatSequence({ variant, seed, operations }: Sequence): string {
  return [`variant ${variant}`, `seed ${seed}`, ...operations.map(formatOperation), ""].join("\n");
}

/** Reads what {@linkcode formatSequence} wrote; lines may be commented out with `#`. */
export function parseSequence(text: string): Sequence {
  const operations: Operation[] = [];
  const head = new Map<string, string>();
  for (const line of text.split("\n").map((line) => line.replace(/#.*/, "").trim())) {
    const match = /^(variant|seed) (\S+)$/.exec(line);
    if (match !== null) head.set(match[1]!, match[2]!);
    else if (line !== "") operations.push(parseOperation(line));
  }
  const variant = head.get("variant");
  const seed = Number(head.get("seed"));
  if (variant === undefined || !Number.isSafeInteger(seed)) {
    throw new SyntaxError("the sequence must begin with its variant and its seed");
  }
  return { variant, seed, operations };
}
