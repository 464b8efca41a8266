// SPDX-License-Identifier: GPL-2.0-only
import { encodeHeader, sealBlock, viewOf } from "../../cli/metadata/block.ts";
import { EXTENT_STATES, packExtent } from "../../cli/metadata/extent.ts";
import { BLOCK_SIZE, ENTRY_SIZE, HEADER_SIZE } from "../../cli/metadata/format.ts";
import type { BlockNumbers, Kind, Numbers } from "./library.ts";

/** A block with entries, by the tool's codec: what {@linkcode FormatLibrary.writeBlock} writes in C. */
export function encodeBlock(
  kind: Kind,
  uuid: string,
  numbers: BlockNumbers,
  extents: readonly Numbers[],
): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(BLOCK_SIZE);
  encodeHeader(block, kind, { version: 1, count: extents.length, uuid, ...numbers });
  extents.forEach(([first, length, slot, state], index) =>
    packExtent(viewOf(block), HEADER_SIZE + index * ENTRY_SIZE, {
      first,
      length,
      slot,
      state: EXTENT_STATES[state]!,
    })
  );
  sealBlock(block);
  return block;
}
