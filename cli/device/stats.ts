// SPDX-License-Identifier: GPL-2.0-only
// The counters of a target: what each counts, and in which unit.

/** What a counter counts. */
export type CounterUnit = "sectors" | "bytes" | "events";

/** A counter that this version knows. */
export interface Counter {
  /** The kernel's name. */
  readonly key: string;
  readonly unit: CounterUnit;
  readonly means: string;
}

function counters(
  unit: CounterUnit,
  known: Readonly<Record<string, string>>,
): readonly Counter[] {
  return Object.entries(known).map(([key, means]) => ({ key, unit, means }));
}

/** Every counter of this version's module, in the order in which they are shown. */
export const COUNTERS: readonly Counter[] = [
  ...counters("sectors", {
    remapped: "served by the spare now",
    lost: "cannot be read, until they are written",
    pending: "of these, on main",
    spare_used: "slots in use or bad",
    spare_free: "slots that are free",
    spare_bad: "slots that have gone bad",
    spare_total: "slots in all",
    slots_used: "slots in use",
    auto_remaps: "relocated by the target itself so far",
    manual_remaps: "relocated by hand so far",
    unmapped: "brought back to main, or dropped, so far",
    recovered: "pending ones that were read or rewritten in place",
  }),
  ...counters("events", {
    read_errors: "reads that failed because of the medium",
    write_errors: "writes that failed because of the medium",
    transport_errors: "requests that failed on the way to the medium",
    verify_errors: "blocks that did not read as they were written",
    spare_errors: "reads and writes of slots that failed",
    lost_reads: "reads refused because the content is lost",
    retried: "blocks that worked when they were tried again",
    held_bios: "requests that waited for a move",
    moves: "relocations, by hand or not, and their undoing",
    scans: "background scans that were started",
    storm_brakes: "times that automatic relocation had to pause",
    verify_blocks: "blocks whose checksum is known",
    table_changes: "changes of the table, in memory",
    generation: "of the checkpoint that the metadata goes back to",
    journal_used: "blocks of the journal written since that checkpoint",
    journal_blocks: "blocks that the journal holds",
    commits: "changes written to the journal",
    checkpoints: "times that the whole table was written",
    metadata_writes: "write requests for metadata",
    metadata_errors: "reads and writes of metadata that failed",
  }),
  ...counters("bytes", { verify_memory_bytes: "memory for these checksums" }),
];

/** Counters by their JSON names, apart from what this version does not know. */
export interface RemapStats {
  /** `remapped_sectors`, `read_errors`, `verify_memory_bytes`, ... */
  readonly known: ReadonlyMap<string, bigint>;
  readonly extra: ReadonlyMap<string, bigint | string>;
}

/** The name of a counter in JSON: the kernel's, which names bytes itself, with its unit behind it. */
export function counterField({ key, unit }: Counter): string {
  return unit === "sectors" ? `${key}_sectors` : key;
}

/** Tells what is known from what is not; a known counter that is no number counts as unknown. */
export function typeStats(raw: ReadonlyMap<string, bigint | string>): RemapStats {
  const known = new Map<string, bigint>();
  const extra = new Map(raw);
  for (const counter of COUNTERS) {
    const value = raw.get(counter.key);
    if (typeof value !== "bigint") continue;
    known.set(counterField(counter), value);
    extra.delete(counter.key);
  }
  return { known, extra };
}
