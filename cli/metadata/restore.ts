// SPDX-License-Identifier: GPL-2.0-only
// From a text to what can be written: everything is checked here, so that nothing is written that
// the kernel would refuse.
import { type Extent, extentProblem, hasSlot } from "./extent.ts";
import {
  ARGS_SIZE,
  BLOCK_ENTRIES,
  BLOCK_SECTORS,
  ID_SIZE,
  MAX_RUN,
  MAX_SECTORS,
  NAME_SIZE,
} from "./format.ts";
import { layoutOf, pendingRoom } from "./layout.ts";
import type { Superblock } from "./superblock.ts";
import {
  countExtents,
  DERIVED_KEYS,
  derivedFields,
  LINK_KEYS,
  NUMBER_KEYS,
  quote,
  TEXT_KEYS,
  TIME_KEYS,
} from "./text.ts";
import { type ParsedText, TextError, type TextExtent, type TextField } from "./text_parse.ts";
import type { TableCounts } from "./check.ts";

/** What a text says of the superblock; the rest of it follows. */
export type TextFields = Pick<
  Superblock,
  | "uuid"
  | (typeof NUMBER_KEYS)[keyof typeof NUMBER_KEYS]
  | (typeof TEXT_KEYS)[keyof typeof TEXT_KEYS]
  | (typeof TIME_KEYS)[keyof typeof TIME_KEYS]
  | (typeof LINK_KEYS)[keyof typeof LINK_KEYS]
>;

/** A text that was found sound. */
export interface RestorePlan {
  readonly fields: TextFields;
  /** In the order of a checkpoint, none longer than an entry can be. */
  readonly extents: readonly Extent[];
  readonly counts: TableCounts;
  /** What is odd about the text, but no error. */
  readonly notes: readonly string[];
}

/** @throws {TextError} that names the line */
export function planRestore(text: ParsedText): RestorePlan {
  const fields = readFields(text);
  checkFields(text, fields);
  const extents = checkExtents(text.extents, fields);
  checkRoom(text, fields, extents);
  const counts = countExtents(extents);
  return { fields, extents, counts, notes: derivedNotes(text, fields, counts) };
}

const REQUIRED: readonly string[] = [
  "uuid",
  "block_sectors",
  "main_start",
  "main_sectors",
  "main_device_sectors",
  "spare_start",
  "spare_sectors",
  "spare_device_sectors",
];

function readFields({ fields, lines }: ParsedText): TextFields {
  for (const key of REQUIRED) {
    if (!fields.has(key)) throw new TextError(lines, `the field "${key}" is missing`);
  }
  const read = (
    keys: Readonly<Record<string, string>>,
    parse: (field: TextField | undefined, key: string) => unknown,
  ) =>
    Object.fromEntries(
      Object.entries(keys).map(([key, name]) => [name, parse(fields.get(key), key)]),
    );
  return {
    uuid: uuidOf(fields.get("uuid")),
    linkedUuid: fields.has("linked_uuid") ? uuidOf(fields.get("linked_uuid")) : "",
    linkedGeneration: numberOf(fields.get("linked_generation"), "linked_generation"),
    ...read(NUMBER_KEYS, numberOf),
    ...read(TEXT_KEYS, textOf),
    ...read(TIME_KEYS, timeOf),
  } as unknown as TextFields;
}

function uuidOf(field: TextField | undefined): string {
  const { value = "", line = 0 } = field ?? {};
  const uuid = value.toLowerCase();
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uuid)) {
    throw new TextError(line, `"${value}" is no UUID`);
  }
  return uuid;
}

function numberOf(field: TextField | undefined, key: string): number {
  if (field === undefined) return 0;
  const value = Number(field.value);
  if (!/^\d+$/.test(field.value) || !Number.isSafeInteger(value)) {
    throw new TextError(field.line, `${key}: "${field.value}" is no whole number`);
  }
  return value;
}

function timeOf(field: TextField | undefined, key: string): number {
  if (field === undefined) return 0;
  if (/^\d+$/.test(field.value)) return numberOf(field, key);
  const seconds = Math.floor(Date.parse(field.value) / 1000);
  if (!Number.isSafeInteger(seconds) || seconds < 0) {
    throw new TextError(field.line, `${key}: "${field.value}" is no time`);
  }
  return seconds;
}

const TEXT_SIZES: Readonly<Record<string, number>> = {
  name: NAME_SIZE,
  main_id: ID_SIZE,
  args: ARGS_SIZE,
};

function textOf(field: TextField | undefined, key: string): string {
  if (field === undefined) return "";
  const value = unquoted(field, key);
  const size = (TEXT_SIZES[key] ?? 1) - 1;
  if (new TextEncoder().encode(value).length > size) {
    throw new TextError(field.line, `${key}: is longer than ${size} bytes`);
  }
  if (value.includes("\0")) throw new TextError(field.line, `${key}: has a zero in it`);
  return value;
}

function unquoted({ value, line }: TextField, key: string): string {
  if (!value.startsWith('"')) return value;
  try {
    const parsed: unknown = JSON.parse(value);
    if (typeof parsed === "string") return parsed;
  } catch (cause) {
    throw new TextError(line, `${key}: its quotes do not fit (${value})`, { cause });
  }
  throw new TextError(line, `${key}: its quotes do not fit (${value})`);
}

/** The same rules as those of a superblock that is read, with the line that is wrong. */
function checkFields({ fields }: ParsedText, read: TextFields): void {
  const refuse = (key: string, reason: string) => {
    throw new TextError(fields.get(key)?.line ?? 1, `${key}: ${reason}`);
  };
  const { blockSectors, mainSectors, spareSectors } = read;
  if (![1, 2, 4, BLOCK_SECTORS].includes(blockSectors)) {
    refuse("block_sectors", `a logical block has 1, 2, 4 or ${BLOCK_SECTORS} sectors`);
  }
  for (const key of ["main_sectors", "spare_sectors"] as const) {
    const value = read[NUMBER_KEYS[key]];
    if (value === 0 || value > MAX_SECTORS) refuse(key, `from 1 to ${MAX_SECTORS} sectors`);
  }
  if (mainSectors % blockSectors !== 0) {
    refuse("main_sectors", `is no multiple of block_sectors (${blockSectors})`);
  }
  if (layoutOf(spareSectors, blockSectors).slots === 0) {
    refuse("spare_sectors", "is too small: there would be no slots behind the metadata");
  }
  if (read.linkedGeneration >= MAX_SECTORS) refuse("linked_generation", "is impossible");
  for (const key of ["incompat", "ro_compat", "compat"] as const) {
    if (read[NUMBER_KEYS[key]] !== 0) refuse(key, "features that this program does not know");
  }
}

/** @returns what a checkpoint holds */
function checkExtents(extents: readonly TextExtent[], fields: TextFields): Extent[] {
  for (const extent of extents) {
    const problem = extentProblem(fields, extent, "checkpoint");
    if (problem !== undefined) throw new TextError(extent.line, inWords(problem, fields));
  }
  const sectors = extents.filter(({ state }) => state !== "bad");
  sectors.sort((a, b) => a.first - b.first);
  apart(sectors, ({ first }) => first, "sector");
  const slots = extents.filter(({ state }) => hasSlot(state));
  slots.sort((a, b) => a.slot - b.slot);
  apart(slots, ({ slot }) => slot, "slot");
  const bad = slots.filter(({ state }) => state === "bad");
  return [...sectors, ...bad].flatMap(inRuns);
}

function inWords(problem: string, { blockSectors, mainSectors, ...fields }: TextFields): string {
  const { slotsStart, slots } = layoutOf(fields.spareSectors, blockSectors);
  switch (problem) {
    case "slot out of range":
      return `${problem}: slots go from ${slotsStart} to ${slotsStart + slots - 1}`;
    case "entry past the end of main":
      return `${problem}: its last sector is ${mainSectors - 1}`;
    case "entry is not whole logical blocks":
      return `${problem}: all numbers are multiples of ${blockSectors}`;
    default:
      return problem;
  }
}

function apart(
  sorted: readonly TextExtent[],
  start: (extent: TextExtent) => number,
  what: string,
): void {
  for (let index = 1; index < sorted.length; index++) {
    const [before, after] = [sorted[index - 1]!, sorted[index]!];
    if (start(before) + before.length <= start(after)) continue;
    const [first, second] = before.line < after.line ? [before, after] : [after, before];
    const which = `${what} ${start(after)}`;
    throw new TextError(second.line, `${which} stands in line ${first.line} already`);
  }
}

function inRuns({ first, length, slot, state }: Extent): Extent[] {
  const runs: Extent[] = [];
  for (let at = 0; at < length; at += MAX_RUN) {
    runs.push({
      first: state === "bad" ? 0 : first + at,
      length: Math.min(MAX_RUN, length - at),
      slot: hasSlot(state) ? slot + at : 0,
      state,
    });
  }
  return runs;
}

function checkRoom({ lines }: ParsedText, fields: TextFields, extents: readonly Extent[]): void {
  const { spareSectors, blockSectors } = fields;
  const layout = layoutOf(spareSectors, blockSectors);
  const room = layout.checkpointBlocks * BLOCK_ENTRIES;
  if (extents.length > room) {
    throw new TextError(lines, `${extents.length} entries, and there is room for ${room}`);
  }
  const pending = extents.filter(({ state }) => !hasSlot(state)).length;
  const most = pendingRoom(layout, blockSectors);
  if (pending > most) {
    throw new TextError(lines, `${pending} pending entries, and there is room for ${most}`);
  }
}

/** Counts in a text are for its reader: what it lists is what counts. */
function derivedNotes({ fields }: ParsedText, read: TextFields, counts: TableCounts): string[] {
  const derived = derivedFields(read, counts);
  return DERIVED_KEYS.flatMap((key) => {
    const field = fields.get(key);
    if (field === undefined || field.value === String(derived[key])) return [];
    return [`line ${field.line}: ${key} is ${derived[key]}, not ${quote(field.value)}`];
  });
}
