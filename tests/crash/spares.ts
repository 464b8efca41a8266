// SPDX-License-Identifier: GPL-2.0-only
//
// Two spares, as a crash has left them: which one is the device's?
import type { Image } from "../../cli/metadata/image.ts";
import { loadMetadata, type Metadata, MetadataError } from "../../cli/metadata/load.ts";

/** One of the two spares. */
export type Spare = 0 | 1;

/** What a start would find on a spare: a table, or nothing that it would take. */
export function tableOn(image: Image): Metadata | undefined {
  try {
    return loadMetadata(image);
  } catch (error) {
    if (error instanceof MetadataError) return undefined;
    throw error;
  }
}

/** The spares cannot be told apart. */
export class SparesError extends Error {
  override readonly name = "SparesError";
}

/**
 * The spare that counts, if one does. Between the commit of a migration and the tombstones both can be
 * loaded, and the later one names the earlier.
 * @throws {SparesError} if both can be loaded, and neither follows from the other
 */
export function choose(spares: readonly [Image, Image]): Spare | undefined {
  const [one, other] = [tableOn(spares[0]), tableOn(spares[1])];
  if (one === undefined || other === undefined) {
    return one !== undefined ? 0 : other !== undefined ? 1 : undefined;
  }
  if (follows(one, other)) return 0;
  if (follows(other, one)) return 1;
  const words = [one, other].map(({ superblock }) => superblock.uuid).join(" and ");
  throw new SparesError(`both spares can be loaded, and neither names the other: ${words}`);
}

/** Is the one where a migration has taken the content of the other, which has not gone on since? */
function follows({ superblock }: Metadata, other: Metadata): boolean {
  return superblock.linkedUuid === other.superblock.uuid && superblock.linkedGeneration > 0 &&
    superblock.linkedGeneration >= other.generation;
}
