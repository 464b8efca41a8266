// SPDX-License-Identifier: GPL-2.0-only

const P1 = 2654435761, P2 = 2246822519, P3 = 3266489917, P4 = 668265263, P5 = 374761393;

/**
 * XXH32 with seed 0: the launcher checks the packed file with it at every start. It finds damage
 * in transit at the speed of memory, without any special instruction; it is no protection
 * against an attacker.
 */
export function xxh32(data: Uint8Array): number {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let at = 0;
  let hash = P5 | 0;
  if (data.length >= 16) {
    let a = (P1 + P2) | 0, b = P2 | 0, c = 0, d = -P1 | 0;
    for (; at + 16 <= data.length; at += 16) {
      a = Math.imul(rotate(a + Math.imul(view.getUint32(at, true), P2), 13), P1);
      b = Math.imul(rotate(b + Math.imul(view.getUint32(at + 4, true), P2), 13), P1);
      c = Math.imul(rotate(c + Math.imul(view.getUint32(at + 8, true), P2), 13), P1);
      d = Math.imul(rotate(d + Math.imul(view.getUint32(at + 12, true), P2), 13), P1);
    }
    hash = (rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18)) | 0;
  }
  hash = (hash + data.length) | 0;
  for (; at + 4 <= data.length; at += 4) {
    hash = Math.imul(rotate(hash + Math.imul(view.getUint32(at, true), P3), 17), P4);
  }
  for (; at < data.length; at++) {
    hash = Math.imul(rotate(hash + Math.imul(view.getUint8(at), P5), 11), P1);
  }
  hash = Math.imul(hash ^ (hash >>> 15), P2);
  hash = Math.imul(hash ^ (hash >>> 13), P3);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function rotate(x: number, by: number): number {
  return (x << by) | (x >>> (32 - by));
}
