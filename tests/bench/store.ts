// SPDX-License-Identifier: GPL-2.0-only
/**
 * `deno run -A tests/bench/store.ts [--entries N] [--json]`: a store with a snapshot of a large table.
 * What each step takes, in time, in memory above that of an idle process, and in room.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { formatColumns } from "../../cli/output/table.ts";
import { diffEntries, summarize } from "../../cli/store/diff.ts";
import { openStore } from "../../cli/store/open.ts";
import { exportJson, exportStore, importSnapshots } from "../../cli/store/transfer.ts";
import type { NewSnapshot, SnapshotEntry, Store } from "../../cli/store/types.ts";

const encoder = new TextEncoder();
const say = (text: string) => Deno.stdout.writeSync(encoder.encode(text));

/** What one step took. */
interface Step {
  readonly name: string;
  readonly wall_s: number;
  readonly peak_bytes: number;
  /** Of what it has written. */
  readonly size_bytes?: number;
}

const SLOTS = 1 << 20;

/** Single sectors all over the device, slots in no order: nothing can be joined. */
function* scattered(count: number, seed: number): Generator<SnapshotEntry> {
  for (let at = 0; at < count; at++) {
    const slot = SLOTS + (at * 7919 + seed) % (2 * count);
    yield { first: at * 977, length: 1, state: "remapped", slot };
  }
}

function snapshotOf(count: number, takenAt: string): NewSnapshot {
  return {
    device: {
      name: "bench",
      uuid: "01234567-89ab-cdef-0123-456789abcdef",
      mainId: "serial:bench",
      mainPath: "/dev/sdx",
      mainStart: 0,
      mainSectors: count * 977 + 1,
      mainDeviceSectors: count * 977 + 1,
      blockSectors: 1,
      sparePath: "/dev/sdy",
      spareStart: 0,
      spareSectors: SLOTS + 2 * count + 1,
      spareDeviceSectors: SLOTS + 2 * count + 1,
      args: "",
    },
    takenAt,
    reason: "bench",
    source: "offline",
    generation: 2,
    health: "unknown",
    counters: {},
    host: "bench",
    toolVersion: "0",
    moduleVersion: "",
    withData: false,
  };
}

/** The largest that this process has been since it was last asked; the kernel counts anew then. */
function peakBytes(): number {
  const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(Deno.readTextFileSync("/proc/self/status")) ?? [];
  Deno.writeTextFileSync("/proc/self/clear_refs", "5");
  return Number(kib) * 1024;
}

class Bench {
  readonly steps: Step[] = [];
  readonly #idle: number;

  constructor(private readonly folder: string) {
    peakBytes();
    this.#idle = peakBytes();
  }

  file(name: string): string {
    return join(this.folder, name);
  }

  async step(name: string, run: () => unknown, written?: string): Promise<void> {
    peakBytes();
    const start = performance.now();
    await run();
    const wall_s = (performance.now() - start) / 1000;
    const size = written === undefined ? {} : { size_bytes: this.size(written) };
    this.steps.push({ name, wall_s, peak_bytes: Math.max(0, peakBytes() - this.#idle), ...size });
  }

  size(name: string): number {
    return ["", "-wal"].reduce((sum, suffix) => {
      try {
        return sum + Deno.statSync(this.file(name + suffix)).size;
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return sum;
        throw error;
      }
    }, 0);
  }
}

/** Something did not come out as it must. */
class BenchError extends Error {
  override readonly name = "BenchError";
}

function expect(actual: number, expected: number, what: string): void {
  if (actual !== expected) throw new BenchError(`${what}: ${actual} instead of ${expected}`);
}

async function measure(bench: Bench, count: number): Promise<void> {
  const at = (minute: number) => `2026-01-01T00:0${minute}:00.000Z`;
  const take = async (store: Store, minute: number) => {
    const entries = scattered(count, minute);
    await store.takeSnapshot(snapshotOf(count, at(minute)), { entries });
  };
  const withStore = async (use: (store: Store) => unknown) => {
    using store = openStore(bench.file("store.db"), { create: true });
    await use(store);
  };
  await bench.step(
    "take, in one transaction",
    () => withStore((store) => take(store, 1)),
    "store.db",
  );
  await bench.step("take another one", () => withStore((store) => take(store, 2)), "store.db");
  await bench.step("read its entries", () =>
    withStore((store) => {
      let read = 0;
      for (const _entry of store.entries(1)) read++;
      expect(read, count, "entries read");
    }));
  await bench.step("diff of both", () =>
    withStore((store) => {
      const { moved } = summarize(diffEntries(store.entries(1), store.entries(2)));
      expect(moved, count, "sectors moved");
    }));
  await bench.step("check", () =>
    withStore((store) => {
      const { findings, entries } = store.check();
      expect(findings.length, 0, "findings");
      expect(entries, 2 * count, "entries checked");
    }));
  const json = bench.file("copy.json");
  await bench.step(
    "export as JSON",
    () => withStore((store) => exportJson(store, 1, json)),
    "copy.json",
  );
  const copy = bench.file("copy.db");
  await bench.step(
    "export as SQLite",
    () => withStore((store) => exportStore(store, [1], copy)),
    "copy.db",
  );
  await bench.step("import JSON", async () => {
    using store = openStore(bench.file("other.db"), { create: true });
    const [imported] = await importSnapshots(store, json);
    expect(imported?.head.entries ?? 0, count, "entries imported");
  }, "other.db");
  await bench.step("remove one", () => withStore((store) => store.remove([1])), "store.db");
}

function table(steps: readonly Step[], count: number): string {
  const columns = [
    { heading: `${count.toLocaleString("en")} ENTRIES` },
    { heading: "WALL S", numeric: true },
    { heading: "MEMORY MIB", numeric: true },
    { heading: "FILE MIB", numeric: true },
  ];
  const mib = (bytes: number | undefined) =>
    bytes === undefined ? "" : (bytes / 2 ** 20).toFixed(1);
  return formatColumns(
    columns,
    steps.map(({ name, wall_s, peak_bytes, size_bytes }) => [
      name,
      wall_s.toFixed(2),
      mib(peak_bytes),
      mib(size_bytes),
    ]),
  );
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      entries: { type: "string", default: "1000000" },
      json: { type: "boolean", default: false },
    },
  });
  const entries = Number(values.entries);
  const folder = await Deno.makeTempDir({ prefix: "dmremap-bench-" });
  try {
    const bench = new Bench(folder);
    await measure(bench, entries);
    const { steps } = bench;
    say(
      values.json
        ? `${JSON.stringify({ schema_version: 1, entries, steps }, undefined, 2)}\n`
        : `${table(steps, entries)}\n`,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

try {
  await main();
} catch (error) {
  Deno.stderr.writeSync(
    encoder.encode(`${error instanceof Error ? `${error.name}: ${error.message}` : error}\n`),
  );
  Deno.exit(1);
}
