// SPDX-License-Identifier: GPL-2.0-only
// What the kernel's memory is used for, as far as /proc tells.

/** Memory that could leak, in the units that the kernel counts it in. */
export interface MemoryUse {
  /** Objects in use, by the name of their cache. */
  readonly objects: ReadonlyMap<string, number>;
  /** Pages that are neither free nor accounted to anybody: what alloc_pages() gave out. */
  readonly plainKiB: number;
  readonly percpuKiB: number;
  readonly vmallocKiB: number;
}

/** Caches that the target's memory comes from, directly or through the block layer. */
const WATCHED = /^(maple_node|kmalloc-[\dk]+|kmalloc-rnd-\d+-[\dk]+|bio-\d+|biovec-\w+|dm_\w+)$/;

/** Reads /proc/slabinfo, version 2.1: name, active objects, objects, ... */
export function parseSlabinfo(text: string): Map<string, number> {
  const objects = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [name = "", active] = line.trim().split(/\s+/);
    if (WATCHED.test(name) && active !== undefined) objects.set(name, Number(active));
  }
  return objects;
}

/** Reads /proc/meminfo, whose lines are `Name:   123 kB`. */
function parseMeminfo(text: string): Map<string, number> {
  return new Map(
    Array.from(text.matchAll(/^(\S+):\s+(\d+)(?: kB)?$/gm), ([, name = "", value]) => {
      return [name, Number(value)] as const;
    }),
  );
}

/** Parts of MemTotal that the kernel accounts for; none of them lies in another. */
const ACCOUNTED = [
  ...["MemFree", "Buffers", "Cached", "SwapCached", "AnonPages", "Slab", "KernelStack"],
  ...["PageTables", "SecPageTables", "Percpu", "VmallocUsed"],
];

/** What /proc shows; the names are those of the files. */
export interface ProcTexts {
  readonly meminfo: string;
  readonly slabinfo: string;
  readonly zoneinfo: string;
}

export function memoryUse({ meminfo, slabinfo, zoneinfo }: ProcTexts): MemoryUse {
  const memory = parseMeminfo(meminfo);
  const value = (name: string) => memory.get(name) ?? 0;
  const accounted = ACCOUNTED.reduce((sum, name) => sum + value(name), 0);
  return {
    objects: parseSlabinfo(slabinfo),
    plainKiB: value("MemTotal") - accounted - PAGE_KIB * pagesOnCpuLists(zoneinfo),
    percpuKiB: value("Percpu"),
    vmallocKiB: value("VmallocUsed"),
  };
}

const PAGE_KIB = 4;

/** Free pages that each CPU keeps at hand, which MemFree does not count. */
function pagesOnCpuLists(zoneinfo: string): number {
  return Array.from(zoneinfo.matchAll(/^ +count: +(\d+)$/gm), ([, count]) => Number(count))
    .reduce((sum, count) => sum + count, 0);
}

/**
 * How often one looks. A slab that a CPU allocates from counts as full (mm/slub.c: get_slabinfo()
 * sees free objects on the lists of nodes only), and of the smallest objects 512 lie in one slab.
 */
const LOOKS = 4;

/** What is in use at least: whatever blurs the count adds to it, so that the lowest one is nearest. */
export async function readMemoryUse(): Promise<MemoryUse> {
  const looks: MemoryUse[] = [];
  for (let look = 0; look < LOOKS; look++) looks.push(await lookOnce());
  return lowest(looks);
}

/** The lowest of several looks, of each kind of memory by itself. */
export function lowest(looks: readonly MemoryUse[]): MemoryUse {
  const least = (value: (look: MemoryUse) => number) => Math.min(...looks.map(value));
  const caches = new Set(looks.flatMap(({ objects }) => [...objects.keys()]));
  return {
    objects: new Map(
      Array.from(caches, (name) => [name, least(({ objects }) => objects.get(name) ?? 0)] as const),
    ),
    plainKiB: least(({ plainKiB }) => plainKiB),
    percpuKiB: least(({ percpuKiB }) => percpuKiB),
    vmallocKiB: least(({ vmallocKiB }) => vmallocKiB),
  };
}

/** Lets the kernel give back what it only keeps for later, then looks. */
async function lookOnce(): Promise<MemoryUse> {
  await Deno.writeTextFile("/proc/sys/vm/drop_caches", "3");
  for (const cache of parseSlabinfo(await Deno.readTextFile("/proc/slabinfo")).keys()) {
    // Objects on the lists of a CPU would count as in use. Merged caches have no file of their own.
    await Deno.writeTextFile(`/sys/kernel/slab/${cache}/shrink`, "1", { create: false })
      .catch(() => {});
  }
  // Each CPU counts for itself for a while.
  await Deno.writeTextFile("/proc/sys/vm/stat_refresh", "1");
  const [meminfo, slabinfo, zoneinfo] = await Promise.all([
    Deno.readTextFile("/proc/meminfo"),
    Deno.readTextFile("/proc/slabinfo"),
    Deno.readTextFile("/proc/zoneinfo"),
  ]);
  return memoryUse({ meminfo, slabinfo, zoneinfo });
}

export interface Growth {
  readonly what: string;
  readonly grown: number;
  readonly allowed: number;
  readonly unit: string;
}

/**
 * How much more is in use, for each kind of memory, after `rounds` of the same work.
 *
 * What leaks once a round grows by an object or a page a round; half of that is allowed, because
 * other parts of the kernel work meanwhile. Per-CPU memory is only counted in pages: there it takes
 * many leaked objects to show.
 */
export function growth(before: MemoryUse, after: MemoryUse, rounds: number): Growth[] {
  const objects = [...after.objects].map(([cache, count]): Growth => ({
    what: `objects of ${cache}`,
    grown: count - (before.objects.get(cache) ?? 0),
    allowed: rounds / 2,
    unit: "",
  }));
  const pages = (what: string, grown: number): Growth => ({
    what,
    grown,
    allowed: PAGE_KIB * rounds / 2,
    unit: " KiB",
  });
  return [
    ...objects,
    pages("plain pages", after.plainKiB - before.plainKiB),
    pages("per-CPU memory", after.percpuKiB - before.percpuKiB),
    pages("vmalloc", after.vmallocKiB - before.vmallocKiB),
  ];
}
