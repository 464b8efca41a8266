// SPDX-License-Identifier: GPL-2.0-only
// Single blocks of metadata on a disk.
import { sealBlock, viewOf } from "../../../metadata/block.ts";
import { BLOCK_SECTORS } from "../../../metadata/format.ts";
import type { LoopDisk } from "../../loops.ts";
import { readDisk, writeDisk } from "./bench.ts";

export function readBlock(disk: LoopDisk, block: number): Promise<Uint8Array<ArrayBuffer>> {
  return readDisk(disk, block * BLOCK_SECTORS, BLOCK_SECTORS);
}

export function writeBlock(disk: LoopDisk, block: number, bytes: Uint8Array): Promise<void> {
  return writeDisk(disk, bytes, block * BLOCK_SECTORS);
}

/** The block with something else in it, and a checksum that fits. */
export function resealed(
  block: Uint8Array<ArrayBuffer>,
  change: (view: DataView) => void,
): Uint8Array<ArrayBuffer> {
  const changed = block.slice();
  change(viewOf(changed));
  sealBlock(changed);
  return changed;
}
