// SPDX-License-Identifier: GPL-2.0-only
// Which superblock counts: rules 1 to 5 of docs/metadata-format.md.
import { blockProblem, decodeHeader, isLast, isSound, kindOf } from "./block.ts";
import { type Findings, placeOf } from "./findings.ts";
import { FORMAT_VERSION, SECTOR_SIZE } from "./format.ts";
import type { Image } from "./image.ts";
import { type Layout, layoutOf } from "./layout.ts";
import { type RawBlock, readBlock, readBlocks } from "./reader.ts";
import {
  type DecodedSuperblock,
  decodeSuperblock,
  isMigrated,
  type Migrated,
  type Superblock,
} from "./superblock.ts";

/** What counts. */
export interface Chosen {
  /** As on the disk, but for an adopted checkpoint, which it describes as far as is known. */
  readonly superblock: Superblock;
  readonly copy: "A" | "B";
  readonly layout: Layout;
  /** The checkpoint's superblock is lost, so that nothing says how many entries it has. */
  readonly adopted: boolean;
  /** The other superblock is damaged, or zeroes where it must not be. */
  readonly otherIsLost: boolean;
}

type Sound = Extract<DecodedSuperblock, { kind: "sound" }>;
type Copy = "A" | "B";
const COPIES = ["A", "B"] as const;

/** `undefined` if none counts; the findings say why. */
export function selectSuperblock(image: Image, findings: Findings): Chosen | undefined {
  const a = readSuperblock(image, 0, findings);
  const b = readSuperblock(image, 1, findings);
  const newer = [a, b].findIndex(({ kind }) => kind === "newer");
  if (newer >= 0) return refuseNewer([a, b][newer]!, newer, findings);
  if (refuseMigrated([a, b], findings)) return undefined;
  if (a.kind === "zero" && b.kind === "zero") return refuseBlank(image, findings);
  const unsound = [a, b].map((each, copy) => problemOf(each, copy, findings));
  if (unsound.includes(true)) return undefined;
  if (a.kind === "sound" && b.kind === "sound") return selectLater(image, a, b, findings);
  if (a.kind === "sound") return selectOnly(image, a, "A", b.kind === "zero", findings);
  if (b.kind === "sound") return selectOnly(image, b, "B", a.kind === "zero", findings);
  findings.add("superblocks", "blocks 0 and 1 (byte 0)", "neither superblock is sound");
  return undefined;
}

function readSuperblock(image: Image, copy: number, findings: Findings): DecodedSuperblock {
  const block = readBlock(image, copy);
  if (block.bytes !== undefined) return decodeSuperblock(block.bytes);
  findings.note(`superblock ${COPIES[copy]}, ${placeOf(copy)}: ${block.error}`);
  return { kind: "damaged" };
}

function refuseNewer(block: DecodedSuperblock, copy: number, findings: Findings): undefined {
  const how = block.kind === "newer" && block.version !== FORMAT_VERSION
    ? `format ${block.version}`
    : "features that this version does not know";
  findings.add(
    "newer",
    placeOf(copy),
    `superblock ${COPIES[copy]} was written by a newer version (${how})`,
    "install a newer dmremap-ts and dm-remap; this version cannot read it",
  );
}

/**
 * A spare that a migration has not filled yet, or has left: whatever else is on it, it is not the one
 * to go on with.
 */
function refuseMigrated(copies: readonly DecodedSuperblock[], findings: Findings): boolean {
  const block = migratedOf(copies);
  if (block === undefined) return false;
  const copy = copies.indexOf(block);
  const { message, cure } = migrationWords(block);
  findings.add(block.kind, placeOf(copy), `superblock ${COPIES[copy]}: ${message}`, cure);
  return true;
}

/** The superblock that says so; that the content is elsewhere is said first. */
export function migratedOf(
  copies: readonly (DecodedSuperblock | undefined)[],
): Migrated | undefined {
  const found = copies.filter((copy) => copy !== undefined).filter(isMigrated);
  return found.find(({ kind }) => kind === "moved") ?? found[0];
}

/** The superblock that says so, if one does and none is of a newer version. */
export function readMigrated(image: Image): Migrated | undefined {
  const copies = [0, 1].map((copy) => {
    const { bytes } = readBlock(image, copy);
    return bytes === undefined ? undefined : decodeSuperblock(bytes);
  });
  if (copies.some((copy) => copy?.kind === "newer")) return undefined;
  return migratedOf(copies);
}

/** What such a spare is, and what to do with it. */
export function migrationWords(
  { kind, superblock: { linkedUuid } }: Migrated,
): { readonly message: string; readonly cure: string } {
  if (kind === "moved" && linkedUuid === "") {
    return {
      message: "its content has moved to a disk that needs no spare: what is left on it is old",
      cure: "use that disk; this spare may be used for something else: dmremap-ts create --format",
    };
  }
  const linked = linkedUuid === "" ? "another spare" : `the spare with set ${linkedUuid}`;
  return kind === "unfinished"
    ? {
      message:
        `a migration or a restore to it from ${linked} was not finished: nothing on it counts`,
      cure:
        "go on with that spare, and run dmremap-ts migrate again; give a snapshot restore that was " +
        "interrupted once more; or let this one be used for something else: dmremap-ts create " +
        "--format",
    }
    : {
      message: `its content has moved to ${linked}: what is left on it is old`,
      cure: "go on with that spare; this one may be used for something else: " +
        "dmremap-ts create --format",
    };
}

/** Both superblocks are zeroes: never formatted, or wiped? */
function refuseBlank(image: Image, findings: Findings): undefined {
  const { slotsStart } = layoutOf(Math.floor(image.sizeBytes / SECTOR_SIZE), 1);
  const blocks = Math.min(slotsStart / 8, Math.floor(image.sizeBytes / 4096));
  for (const block of readBlocks(image, 0, blocks)) {
    if (block.bytes !== undefined && block.words.every((word) => word === 0)) continue;
    const what = block.bytes === undefined ? `cannot be read: ${block.error}` : "is not";
    findings.block(
      "superblocks",
      block.index,
      `both superblocks are zeroes, but this block ${what}`,
    );
    return;
  }
  findings.add(
    "blank",
    "block 0 (byte 0)",
    "all zeroes: there is no metadata, and the first activation would write an empty table",
    "run: dmremap-ts create NAME MAIN SPARE, if this spare was never used",
  );
}

/** Says what does not make sense in a sound superblock. */
function problemOf(block: DecodedSuperblock, copy: number, findings: Findings): boolean {
  if (block.kind !== "sound" || block.problem === undefined) return false;
  findings.block("superblock", copy, `superblock ${COPIES[copy]}: ${withoutTopic(block.problem)}`);
  return true;
}

function withoutTopic(problem: string): string {
  return problem.replace(/^superblock: /, "");
}

function selectLater(image: Image, a: Sound, b: Sound, findings: Findings): Chosen | undefined {
  const [later, earlier, copy]: [Superblock, Superblock, Copy] =
    a.superblock.sequence > b.superblock.sequence
      ? [a.superblock, b.superblock, "A"]
      : [b.superblock, a.superblock, "B"];
  const refuse = (message: string) =>
    findings.add("superblocks", "blocks 0 and 1 (byte 0)", message);
  if (later.uuid !== earlier.uuid) {
    refuse(
      `the superblocks are of two different devices: ${a.superblock.uuid} and ${b.superblock.uuid}`,
    );
    return undefined;
  }
  if (later.sequence === earlier.sequence) {
    refuse(`both superblocks claim to be number ${later.sequence}`);
    return undefined;
  }
  if (later.generation < earlier.generation) {
    refuse(`the later superblock (${copy}) is of the older generation ${later.generation}`);
    return undefined;
  }
  // Both may name the same checkpoint, if one of them was mended.
  const isSame = later.salt === earlier.salt && later.checkpoint === earlier.checkpoint;
  if (later.generation === earlier.generation && !isSame) {
    refuse(
      `the superblocks are of the same generation ${later.generation}, but not of one attempt`,
    );
    return undefined;
  }
  return fits(image, chosen(later, copy), findings);
}

/** Is there less of the image than its metadata? Then there is nothing to walk along. */
function fits(image: Image, chosen: Chosen, findings: Findings): Chosen | undefined {
  const bytes = chosen.layout.slotsStart * SECTOR_SIZE;
  if (bytes <= image.sizeBytes) return chosen;
  findings.add(
    "short",
    `byte ${image.sizeBytes}`,
    `ends here, but according to a superblock the metadata alone has ${bytes} bytes`,
    `look at the whole device, or at a copy of its first ${bytes} bytes`,
  );
  return undefined;
}

function chosen(superblock: Superblock, copy: Copy): Chosen {
  const layout = layoutOf(superblock.spareSectors, superblock.blockSectors);
  return { superblock, copy, layout, adopted: false, otherIsLost: false };
}

/** One superblock is sound; the other is zero or damaged, and may have been the current one. */
function selectOnly(
  image: Image,
  { superblock }: Sound,
  copy: Copy,
  otherIsZero: boolean,
  findings: Findings,
): Chosen | undefined {
  const alone = fits(image, chosen(superblock, copy), findings);
  if (alone === undefined) return undefined;
  const [other, block] = copy === "A" ? ["B", 1] as const : ["A", 0] as const;
  const isFirst = otherIsZero && superblock.sequence === 1;
  const only: Chosen = { ...alone, otherIsLost: !isFirst };
  if (!isFirst) {
    findings.note(
      `superblock ${other}, ${placeOf(block)}, is ${otherIsZero ? "zeroes" : "damaged"}; ` +
        `superblock ${copy} stands in for it; the next activation writes it again`,
    );
  }
  const found = findCheckpoint(image, only, block, isFirst);
  if (found === "none" || (found === "part" && isFirst)) return only;
  if (found === "part") {
    findings.block(
      "checkpoint",
      only.layout.checkpointStart[1 - superblock.checkpoint]!,
      `superblock ${other} is damaged, and so is the checkpoint that it may have named`,
    );
    return undefined;
  }
  const later = hasLaterJournal(image, only, found.salt, findings);
  if (later !== false) return later === true ? only : undefined;
  findings.note(
    `checkpoint ${found.generation} is whole, and newer than superblock ${copy}: it counts`,
  );
  return { ...only, superblock: found, adopted: true };
}

/**
 * Looks for the checkpoint that the other superblock would name. A trace of a later generation,
 * wherever it stands, is a `part`.
 */
function findCheckpoint(
  image: Image,
  { superblock, layout }: Chosen,
  other: number,
  isFirst: boolean,
): Superblock | "part" | "none" {
  const there = readBlock(image, other).bytes;
  const checkpoint = superblock.checkpoint === 0 ? 1 : 0;
  const generation = superblock.generation + 1;
  let some = there !== undefined && isNewer(there, superblock);
  let whole = true;
  let salt: number | undefined;
  let entries = 0;
  const start = layout.checkpointStart[checkpoint];
  for (const block of readBlocks(image, start, layout.checkpointBlocks)) {
    // No checkpoint is without its first block.
    some ||= block.bytes === undefined ? block.index === 0 : isNewer(block.bytes, superblock);
    const header = block.bytes && checkpointHeader(block, superblock.uuid, generation);
    if (header === undefined) {
      if (isFirst) break;
      whole = false;
      continue;
    }
    salt ??= header.salt;
    whole &&= header.salt === salt;
    entries += header.count;
    if (!whole || !isLast(block.bytes!)) continue;
    const sequence = superblock.sequence + 1;
    const checkpointUsed = block.index + 1;
    return { ...superblock, sequence, generation, salt, checkpoint, checkpointUsed, entries };
  }
  return some ? "part" : "none";
}

/** A sound block of any kind, of the same device and a later generation. */
function isNewer(block: Uint8Array, { uuid, generation }: Superblock): boolean {
  const kind = kindOf(block);
  if (kind === undefined || !isSound(block, kind)) return false;
  const header = decodeHeader(block);
  return header.uuid === uuid && header.generation > generation;
}

/** Of a sound block of that generation, whatever its salt. */
function checkpointHeader(block: RawBlock, uuid: string, generation: number) {
  const header = decodeHeader(block.bytes);
  const lineage = { uuid, generation, salt: header.salt };
  return blockProblem(block.bytes, "checkpoint", lineage, block.index) === undefined
    ? header
    : undefined;
}

/**
 * Did the journal of the older generation go on after the newer checkpoint was written? Then that one
 * was an attempt that came to nothing: its superblock was never written. `undefined`: nobody can
 * tell, and the findings say so.
 */
function hasLaterJournal(
  image: Image,
  { superblock, layout }: Chosen,
  salt: number,
  findings: Findings,
): boolean | undefined {
  const folded = salt & 0xffff;
  for (const block of readBlocks(image, layout.journalStart, layout.journalBlocks)) {
    if (block.bytes === undefined) {
      const where = layout.journalStart + block.index;
      findings.block("journal", where, `journal: cannot be read: ${block.error}`);
      return undefined;
    }
    if (block.index < folded) continue;
    if (blockProblem(block.bytes, "journal", superblock, block.index) === undefined) return true;
  }
  return false;
}
