// SPDX-License-Identifier: GPL-2.0-only

/** The numbers of the format, as in kmod/dm-remap-format.h; docs/metadata-format.md is the norm. */
export const SECTOR_SIZE = 512;
export const BLOCK_SIZE = 4096;
export const BLOCK_SECTORS = 8;
export const FORMAT_VERSION = 1;

/** 48 bits for sectors: 128 PiB. */
export const MAX_SECTORS = 2 ** 48;
/** Runs are written in parts of at most so many sectors, a multiple of every logical block. */
export const MAX_RUN = 32768;

export const HEADER_SIZE = 64;
export const ENTRY_SIZE = 16;
export const BLOCK_ENTRIES = (BLOCK_SIZE - HEADER_SIZE) / ENTRY_SIZE;

/** In the header's flags: the last block of a checkpoint, or of a journal transaction. */
export const FLAG_LAST = 1;

/** In a superblock's `incompat`, each a kind of superblock of its own. */
export const INCOMPAT_UNFINISHED = 1;
export const INCOMPAT_MOVED = 2;

/**
 * In a superblock's `compat`: a migration from this spare, to the linked one, was under way. It may
 * have ended without this spare being told.
 */
export const COMPAT_MIGRATING = 1;

export const UUID_SIZE = 16;
export const NAME_SIZE = 128;
export const ID_SIZE = 128;
export const ARGS_SIZE = 1024;

export type BlockKind = "superblock" | "checkpoint" | "journal";

export const MAGIC: Readonly<Record<BlockKind, string>> = {
  superblock: "DmRemapS",
  checkpoint: "DmRemapC",
  journal: "DmRemapJ",
};
