// SPDX-License-Identifier: GPL-2.0-only
// Metadata as a text that a person can read, and edit, and that `meta restore` takes back.
import type { TableCounts } from "./check.ts";
import { type Extent, EXTENT_STATES, type ExtentState, hasSlot } from "./extent.ts";
import { layoutOf } from "./layout.ts";
import { settled, type Superblock } from "./superblock.ts";

/** The first line that is no comment says it; another number is another text. */
export const TEXT_VERSION = 1;

/** The last line: a text without it was cut off. */
export const TEXT_END = "end";

/** Counts as the superblock does: what is lost is relocated as well. */
export function countExtents(extents: Iterable<Extent>): TableCounts {
  const counts = { entries: 0, remapped: 0, lost: 0, pending: 0, bad: 0 };
  for (const { length, state } of extents) {
    counts.entries++;
    if (state === "bad") counts.bad += length;
    else if (hasSlot(state)) {
      counts.remapped += length;
      if (state !== "remapped") counts.lost += length;
    } else if (state !== "main") counts.pending += length;
  }
  return counts;
}

/**
 * The keys of the text in their order, and where their values are in a superblock. How often the
 * table was written, and where, is not part of it: its text stays the same wherever it is restored.
 */
export const NUMBER_KEYS = {
  block_sectors: "blockSectors",
  main_start: "mainStart",
  main_sectors: "mainSectors",
  main_device_sectors: "mainDeviceSectors",
  spare_start: "spareStart",
  spare_sectors: "spareSectors",
  spare_device_sectors: "spareDeviceSectors",
  incompat: "incompat",
  ro_compat: "roCompat",
  compat: "compat",
} as const satisfies Record<string, keyof Superblock>;

/** Where the content came from, in the text of a spare that was migrated to only. */
export const LINK_KEYS = {
  linked_uuid: "linkedUuid",
  linked_generation: "linkedGeneration",
} as const satisfies Record<string, keyof Superblock>;

export const TEXT_KEYS = {
  name: "name",
  main_id: "mainId",
  args: "args",
} as const satisfies Record<string, keyof Superblock>;

export const TIME_KEYS = {
  created: "created",
} as const satisfies Record<string, keyof Superblock>;

/** What follows from the rest. A text may say it, and is told where it is wrong. */
export const DERIVED_KEYS = [
  "slots_start",
  "slots",
  "entries",
  "remapped",
  "lost",
  "pending",
  "bad",
] as const;
export type DerivedKey = (typeof DERIVED_KEYS)[number];

export function derivedFields(
  superblock: Pick<Superblock, "spareSectors" | "blockSectors">,
  counts: TableCounts,
): Record<DerivedKey, number> {
  const { slotsStart, slots } = layoutOf(superblock.spareSectors, superblock.blockSectors);
  const { entries, remapped, lost, pending, bad } = counts;
  return { slots_start: slotsStart, slots, entries, remapped, lost, pending, bad };
}

const HEAD = `\
# dm-remap metadata as text. \`dmremap-ts meta restore DEV --input FILE\` writes it back.
# All places and lengths are sectors of 512 bytes. Slots count from the start of the spare range.
`;

const EXPLANATION = `
# One line for each run of sectors, in any order:
#   remapped FIRST+LENGTH -> SLOT     served from the spare
#   lost FIRST+LENGTH -> SLOT         relocated, its content could not be read: reads fail
#   unreadable FIRST+LENGTH -> SLOT   relocated, and its slot could not be read: reads fail
#   wrong_slot FIRST+LENGTH -> SLOT   relocated, and its slot does not read as it was written
#   pending FIRST+LENGTH              on the main device, which could not read it
#   wrong FIRST+LENGTH                on the main device, and does not read as it was written
#   bad SLOT+LENGTH                   slots that are never used again
`;

/** Lines are handed out in pieces of about this size. */
const PIECE = 64 * 1024;

/** The text, in pieces; the extents are asked for as they are needed. */
export function* metadataText(
  superblock: Superblock,
  counts: TableCounts,
  extents: Iterable<Extent>,
): Generator<string> {
  yield HEAD + headLines(superblock, counts).join("\n") + `\n${EXPLANATION}`;
  let piece = "";
  for (const extent of extents) {
    piece += `${extentLine(extent)}\n`;
    if (piece.length < PIECE) continue;
    yield piece;
    piece = "";
  }
  yield `${piece}${TEXT_END}\n`;
}

function headLines(written: Superblock, counts: TableCounts): string[] {
  const superblock = settled(written);
  const pairs = (
    keys: Readonly<Record<string, keyof Superblock>>,
    show: (value: never) => string,
  ) => Object.entries(keys).map(([key, field]) => `${key}: ${show(superblock[field] as never)}`);
  return [
    `text_version: ${TEXT_VERSION}`,
    `uuid: ${superblock.uuid}`,
    ...pairs(TEXT_KEYS, quote),
    ...pairs(TIME_KEYS, timeText),
    ...pairs(NUMBER_KEYS, String),
    ...superblock.linkedUuid === "" ? [] : pairs(LINK_KEYS, String),
    ...Object.entries(derivedFields(superblock, counts)).map(([key, value]) => `${key}: ${value}`),
  ];
}

/** `remapped 100+8 -> 4096` */
export function extentLine({ first, length, slot, state }: Extent): string {
  if (state === "bad") return `bad ${slot}+${length}`;
  return hasSlot(state) ? `${state} ${first}+${length} -> ${slot}` : `${state} ${first}+${length}`;
}

/** What is on disk is not to be trusted with a terminal: whatever may steer one is escaped. */
export function quote(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

const LAST_YEAR_9999 = 253402300799;

/** `2026-11-22T20:15:00Z`; times that no calendar has stay numbers. */
export function timeText(seconds: number): string {
  if (seconds > LAST_YEAR_9999) return String(seconds);
  return new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
}

/** The states that a line may begin with. */
export const LINE_STATES: readonly ExtentState[] = EXTENT_STATES.filter((state) =>
  state !== "main"
);
