// SPDX-License-Identifier: GPL-2.0-only
// Blocks of metadata that say what nobody wrote.
import { sealBlock, viewOf } from "../../../metadata/block.ts";

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
