// SPDX-License-Identifier: GPL-2.0-only
// Which superblock a repair goes by: a sound one, or what can be believed of a damaged one.
import { sealBlock, viewOf } from "./block.ts";
import { BLOCK_SIZE, FORMAT_VERSION, MAGIC } from "./format.ts";
import type { Image } from "./image.ts";
import { readBlocks } from "./reader.ts";
import {
  type DecodedSuperblock,
  decodeSuperblock,
  isMigrated,
  type Migrated,
  type Superblock,
} from "./superblock.ts";

export type Copy = "A" | "B";

/** A superblock that makes sense. */
export interface Head {
  readonly copy: Copy;
  readonly superblock: Superblock;
  readonly salt: number;
  /** Its checksum is right. Else its words are only taken where something else agrees. */
  readonly sound: boolean;
  /** Not read at all: it was put together from what the main device says. */
  readonly given?: true;
}

export interface Heads {
  /** Sound ones first, the newest first. */
  readonly heads: readonly Head[];
  /** What both copies are, for people. */
  readonly states: Readonly<Record<Copy, string>>;
  /** Written by something that knows more than this program. */
  readonly newer: boolean;
  /** A migration to this spare was not finished, or its content has moved. */
  readonly migrated: Migrated | undefined;
}

/** Looks at both superblocks. */
export function readHeads(image: Image): Heads {
  const heads: Head[] = [];
  const states: Record<Copy, string> = { A: "cannot be read", B: "cannot be read" };
  let newer = false;
  let migrated: Migrated | undefined;
  let leftBehind: Migrated | undefined;
  const blocks = [...readBlocks(image, 0, 2)];
  for (const [index, copy] of (["A", "B"] as const).entries()) {
    const block = blocks[index]?.bytes;
    if (block === undefined) continue;
    const decoded = decodeSuperblock(block);
    states[copy] = decoded.kind === "zero" ? "was never written, or is wiped" : decoded.kind;
    newer ||= decoded.kind === "newer";
    if (isMigrated(decoded)) migrated ??= decoded;
    if (decoded.kind === "sound" && decoded.problem !== undefined) states[copy] = decoded.problem;
    if (decoded.kind === "sound" && decoded.problem === undefined) {
      heads.push({
        copy,
        superblock: decoded.superblock,
        salt: decoded.superblock.salt,
        sound: true,
      });
    }
    if (decoded.kind !== "damaged") continue;
    const words = believed(block);
    if (words?.kind === "sound") {
      const { superblock } = words;
      heads.push({ copy, superblock, salt: superblock.salt, sound: false });
    } else if (words !== undefined) leftBehind ??= words;
  }
  // Even in doubt: what moved to another spare must not be brought back from this one.
  if (heads.length === 0) migrated ??= leftBehind;
  heads.sort((a, b) =>
    Number(b.sound) - Number(a.sound) || b.superblock.sequence - a.superblock.sequence
  );
  return { heads, states, newer, migrated };
}

/** What a damaged superblock would say if its checksum were right; only if all of it makes sense. */
function believed(block: Uint8Array): DecodedSuperblock & { kind: "sound" } | Migrated | undefined {
  const copy = Uint8Array.from(block.subarray(0, BLOCK_SIZE));
  copy.set(new TextEncoder().encode(MAGIC.superblock));
  viewOf(copy).setUint32(8, FORMAT_VERSION, true);
  sealBlock(copy);
  const decoded = decodeSuperblock(copy);
  if (isMigrated(decoded)) return decoded;
  if (decoded.kind !== "sound" || decoded.problem !== undefined) return undefined;
  return Object.values(decoded.superblock).every((value) =>
      typeof value !== "number" || Number.isSafeInteger(value)
    )
    ? decoded
    : undefined;
}
