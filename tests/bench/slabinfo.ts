// SPDX-License-Identifier: GPL-2.0-only

export interface SlabCache {
  readonly activeObjects: number;
  readonly objects: number;
  readonly objectBytes: number;
}

/** One cache of /proc/slabinfo (version 2.1). Undefined: not there, or merged with a like one. */
export function parseSlabinfo(text: string, cache: string): SlabCache | undefined {
  for (const line of text.split("\n")) {
    const [name, ...numbers] = line.trim().split(/\s+/);
    if (name !== cache) continue;
    const [activeObjects, objects, objectBytes] = numbers.slice(0, 3).map(Number);
    if (activeObjects === undefined || objects === undefined || objectBytes === undefined) break;
    if (![activeObjects, objects, objectBytes].every(Number.isSafeInteger)) break;
    return { activeObjects, objects, objectBytes };
  }
  return undefined;
}

/** Memory that the cache's slabs take, used or not. */
export function slabBytes(cache: SlabCache): number {
  return cache.objects * cache.objectBytes;
}
