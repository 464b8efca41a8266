// SPDX-License-Identifier: GPL-2.0-only
// Which areas of a dm device are written to: the I/O statistics that device-mapper itself can count
// for each area of a device (Documentation/admin-guide/device-mapper/statistics.rst).
import type { DeviceMapper } from "../../../ffi/libdevmapper.ts";
import { ProtocolError } from "../errors.ts";
import type { Span } from "./range_set.ts";

/** A device in equal areas; the last one may be shorter. */
export interface Areas {
  readonly length: number;
  readonly step: number;
  readonly count: number;
}

/** The counters of an area take so much memory, and so much more for each processor. */
const AREA_BYTES = 120;
const AREA_BYTES_PER_CPU = 104;
const MEMORY_BYTES = 64 * 2 ** 20;
const MOST_AREAS = 65536;
/** 64 KiB: finer areas would not make a copy shorter. */
const SMALLEST_STEP = 128;

/** The finest areas that the memory for their counters allows. */
export function areasOf(length: number, cpus: number): Areas {
  const affordable = Math.floor(MEMORY_BYTES / (AREA_BYTES + AREA_BYTES_PER_CPU * cpus));
  const most = Math.max(64, Math.min(MOST_AREAS, affordable));
  let step = SMALLEST_STEP;
  while (Math.ceil(length / step) > most) step *= 2;
  return { length, step, count: Math.ceil(length / step) };
}

export function areaSpan({ length, step }: Areas, index: number): Span {
  return { first: index * step, end: Math.min(length, (index + 1) * step) };
}

/** Of "0-3" or "0,2-5", how many. */
export function countCpus(list: string): number {
  const counts = list.trim().split(",").map((part) => {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (match === null) return 0;
    return Number(match[2] ?? match[1]) - Number(match[1]) + 1;
  });
  return Math.max(1, counts.reduce((sum, count) => sum + count, 0));
}

const LINE = /^(\d+)\+\d+ (.*)$/;
/** Completed writes: the fifth counter behind the area. */
const WRITES = 4;

/** How many writes each area of a page of `@stats_print` has seen. @throws {ProtocolError} */
export function parseWrites(page: string): number[] {
  return page.split("\n").filter((line) => line !== "").map((line) => {
    const word = LINE.exec(line)?.[2]?.split(" ")[WRITES];
    if (word === undefined || !/^\d+$/.test(word)) {
      throw new ProtocolError(`the kernel's statistics have a line "${line}"`);
    }
    return Number(word);
  });
}

/** Under this name our statistics stand beside those of others. */
const PROGRAM_ID = "dmremap-copy";
const PAGE_LINES = 512;

/**
 * Counts writes to the areas of a device. A write is counted when it has ended, and before whoever
 * made it hears of that: who asks first and reads an area then misses none that has ended by then.
 */
export class WriteTracker implements AsyncDisposable {
  #seen: Float64Array;

  private constructor(
    private readonly dm: DeviceMapper,
    private readonly name: string,
    readonly areas: Areas,
    private readonly id: string,
  ) {
    this.#seen = new Float64Array(areas.count);
  }

  /** The kernel waits for what is under way before it starts to count. */
  static async start(dm: DeviceMapper, name: string, areas: Areas): Promise<WriteTracker> {
    await forget(dm, name);
    const reply = await dm.message(name, 0n, `@stats_create - ${areas.step} ${PROGRAM_ID}`);
    const id = reply?.trim() ?? "";
    if (!/^\d+$/.test(id)) throw new ProtocolError(`unreadable number of statistics "${id}"`);
    return new WriteTracker(dm, name, areas, id);
  }

  /** The areas that were written to since the last time, in order. */
  async changed(): Promise<Span[]> {
    const spans: Span[] = [];
    for (let from = 0; from < this.areas.count; from += PAGE_LINES) {
      const message = `@stats_print ${this.id} ${from} ${PAGE_LINES}`;
      const writes = parseWrites(await this.dm.message(this.name, 0n, message) ?? "");
      if (writes.length !== Math.min(PAGE_LINES, this.areas.count - from)) {
        throw new ProtocolError(`the kernel's statistics have ${writes.length} lines`);
      }
      for (const [index, count] of writes.entries()) {
        if (this.#seen[from + index] === count) continue;
        this.#seen[from + index] = count;
        spans.push(areaSpan(this.areas, from + index));
      }
    }
    return spans;
  }

  /** A device that is gone has no statistics either. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.dm.message(this.name, 0n, `@stats_delete ${this.id}`).catch(() => undefined);
  }
}

/** Of a run that was killed. */
async function forget(dm: DeviceMapper, name: string): Promise<void> {
  const list = await dm.message(name, 0n, `@stats_list ${PROGRAM_ID}`) ?? "";
  for (const line of list.split("\n")) {
    const id = /^(\d+): /.exec(line)?.[1];
    if (id !== undefined) await dm.message(name, 0n, `@stats_delete ${id}`);
  }
}
