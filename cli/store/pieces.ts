// SPDX-License-Identifier: GPL-2.0-only
// Content as it is kept: compressed where that helps, and never believed without its digest.
import { createHash } from "node:crypto";
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import { MAX_PIECE } from "./types.ts";

/** Their places are their numbers in the database. */
const PACKINGS = ["plain", "deflate"] as const;
type Packing = (typeof PACKINGS)[number];

export interface PackedPiece {
  readonly packing: number;
  readonly bytes: Uint8Array;
}

export function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(bytes).digest());
}

export function packPiece(bytes: Uint8Array): PackedPiece {
  const packed = deflateRawSync(bytes, { level: constants.Z_BEST_SPEED });
  const [packing, kept]: [Packing, Uint8Array] = packed.length < bytes.length
    ? ["deflate", packed]
    : ["plain", bytes];
  return { packing: PACKINGS.indexOf(packing), bytes: kept };
}

/** `undefined` if it is not what was packed. */
export function unpackPiece(piece: PackedPiece, digest: Uint8Array): Uint8Array | undefined {
  const bytes = inflate(piece);
  if (bytes === undefined) return undefined;
  const actual = sha256(bytes);
  return actual.every((byte, at) => byte === digest[at]) ? bytes : undefined;
}

function inflate({ packing, bytes }: PackedPiece): Uint8Array | undefined {
  if (PACKINGS[packing] === "plain") return bytes;
  if (PACKINGS[packing] !== "deflate") return undefined;
  try {
    const inflated = inflateRawSync(bytes, { maxOutputLength: MAX_PIECE });
    return new Uint8Array(inflated.buffer, inflated.byteOffset, inflated.length);
  } catch {
    return undefined;
  }
}
