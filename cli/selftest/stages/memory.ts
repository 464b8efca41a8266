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
  readonly freeKiB: number;
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
export function parseMeminfo(text: string): Map<string, number> {
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

export function memoryUse(meminfo: string, slabinfo: string): MemoryUse {
  const memory = parseMeminfo(meminfo);
  const value = (name: string) => memory.get(name) ?? 0;
  const accounted = ACCOUNTED.reduce((sum, name) => sum + value(name), 0);
  return {
    objects: parseSlabinfo(slabinfo),
    plainKiB: value("MemTotal") - accounted,
    percpuKiB: value("Percpu"),
    vmallocKiB: value("VmallocUsed"),
    freeKiB: value("MemFree"),
  };
}

/** Lets the kernel give back what it only keeps for later, then looks. */
export async function readMemoryUse(): Promise<MemoryUse> {
  await Deno.writeTextFile("/proc/sys/vm/drop_caches", "3");
  for (const cache of parseSlabinfo(await Deno.readTextFile("/proc/slabinfo")).keys()) {
    // Objects on the lists of a CPU would count as in use. Merged caches have no file of their own.
    await Deno.writeTextFile(`/sys/kernel/slab/${cache}/shrink`, "1", { create: false })
      .catch(() => {});
  }
  return memoryUse(
    await Deno.readTextFile("/proc/meminfo"),
    await Deno.readTextFile("/proc/slabinfo"),
  );
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
 * Something that leaks one object a round grows by `rounds`; half of that is allowed, because other
 * parts of the kernel work meanwhile. Plain pages cannot be told apart from the page lists of each
 * CPU, so only a leak of several pages a round is seen there.
 */
export function growth(before: MemoryUse, after: MemoryUse, rounds: number): Growth[] {
  const objects = [...after.objects].map(([cache, count]): Growth => ({
    what: `objects of ${cache}`,
    grown: count - (before.objects.get(cache) ?? 0),
    allowed: rounds / 2,
    unit: "",
  }));
  return [
    ...objects,
    {
      what: "plain pages",
      grown: after.plainKiB - before.plainKiB,
      allowed: PLAIN_PAGES_ALLOWED_KIB,
      unit: "KiB",
    },
    {
      what: "per-CPU memory",
      grown: after.percpuKiB - before.percpuKiB,
      allowed: PERCPU_ALLOWED_KIB,
      unit: "KiB",
    },
    {
      what: "vmalloc",
      grown: after.vmallocKiB - before.vmallocKiB,
      allowed: 4 * rounds / 2,
      unit: "KiB",
    },
  ];
}

/** The lists of free pages of two CPUs hold less than this. */
export const PLAIN_PAGES_ALLOWED_KIB = 1536;
/** A chunk grows by a page for each CPU now and then. */
export const PERCPU_ALLOWED_KIB = 64;
