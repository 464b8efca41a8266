// SPDX-License-Identifier: GPL-2.0-only
//
// What is written to a device, as the kernel's own trace points tell it.
import { run } from "../suite/guest/process.ts";

const TRACING = "/sys/kernel/debug/tracing";
const EVENT = `${TRACING}/events/block/block_bio_queue`;
const BUFFER_KIB = 32768;

export interface Written {
  readonly first: number;
  readonly count: number;
}

/**
 * A line of the trace that tells of a write, or of zeroes written:
 * `fio-123 [000] ..... 1.23: block_bio_queue: 253,0 FWS 2048 + 8 [fio]`.
 */
export function parseWrite(line: string): Written | undefined {
  const match = /: block_bio_queue: \d+,\d+ F?([WN])[A-Z]* (\d+) \+ (\d+) /.exec(line);
  if (match === null || match[3] === "0") return undefined;
  return { first: Number(match[2]), count: Number(match[3]) };
}

/** Listens from its creation on; not every kernel has what it takes. */
export class WriteTrace implements Disposable {
  static start(major: number, minor: number): WriteTrace | undefined {
    try {
      Deno.statSync(EVENT);
    } catch {
      return undefined;
    }
    const set = (path: string, value: string) => Deno.writeTextFileSync(path, value);
    set(`${TRACING}/tracing_on`, "0");
    set(`${TRACING}/trace`, "");
    set(`${TRACING}/buffer_size_kb`, `${BUFFER_KIB}`);
    set(`${EVENT}/filter`, `dev == ${major * 2 ** 20 + minor}`);
    set(`${EVENT}/enable`, "1");
    set(`${TRACING}/tracing_on`, "1");
    return new WriteTrace();
  }

  /** Everything written so far. */
  async read(): Promise<Written[]> {
    for (const { name } of Deno.readDirSync(`${TRACING}/per_cpu`)) {
      const stats = Deno.readTextFileSync(`${TRACING}/per_cpu/${name}/stats`);
      if (!/^overrun: 0$/m.test(stats)) throw new Error(`the trace of ${name} has gaps:\n${stats}`);
    }
    const text = await run("cat", `${TRACING}/trace`);
    return text.split("\n").map(parseWrite).filter((write) => write !== undefined);
  }

  [Symbol.dispose](): void {
    Deno.writeTextFileSync(`${EVENT}/enable`, "0");
    Deno.writeTextFileSync(`${TRACING}/trace`, "");
  }
}

/** Those of some blocks that were written, wholly or in part. */
export function touched<T extends { readonly sector: number }>(
  blocks: readonly T[],
  unit: number,
  writes: readonly Written[],
): T[] {
  return blocks.filter(({ sector }) =>
    writes.some(({ first, count }) => first < sector + unit && sector < first + count)
  );
}
