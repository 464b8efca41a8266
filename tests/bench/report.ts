// SPDX-License-Identifier: GPL-2.0-only
//
// Figures and budgets, side by side.
import {
  ACTIVATION_BUDGET,
  type CaseId,
  CASES,
  type Cause,
  COMMIT_WRITES_BUDGET,
  ENTRY_BYTES_BUDGET,
  type OperationName,
  OPERATIONS,
  type Order,
  READ_BUDGETS,
  type RequestKind,
  REQUESTS,
  SCAN_PERCENT_BUDGET,
  START_BUDGET,
} from "./cases.ts";
import type {
  ActivationMeasurement,
  CheckpointMeasurement,
  CommitMeasurement,
  IoMeasurement,
  Measurement,
  ScanMeasurement,
} from "./measurements.ts";
import { median } from "./median.ts";

/** A figure with the most that it may be, if there is a budget for it. */
export interface Judged {
  readonly budget?: number;
  readonly within_budget?: boolean;
}

export interface IoFigure extends Judged {
  readonly instructions: number;
  /** The shortest I/O: what the mean would be without the timer's ticks, where all take one path. */
  readonly shortest_instructions: number;
  /** Above dm-linear in the same boot. */
  readonly above_linear?: number;
}

export interface IoRow {
  readonly case: CaseId;
  readonly read?: IoFigure;
  readonly write?: IoFigure;
}

export interface MemoryRow extends Judged {
  readonly order: Order;
  readonly entries: number;
  readonly node_bytes: number;
  readonly entry_bytes: number;
}

export interface RequestRow {
  readonly request: RequestKind;
  readonly sectors: number;
  readonly instructions_per_sector: number;
}

export interface ScanRow extends Required<Judged> {
  readonly sectors: number;
  readonly instructions_per_sector: number;
  readonly plain_instructions_per_sector: number;
  /** Speed of the scan in percent of that of plain reads: here the budget is the least. */
  readonly percent: number;
}

/** What one relocation writes to the spare. */
export interface CommitRow extends Required<Judged> {
  readonly cause: Cause;
  readonly entries: number;
  readonly writes: number;
  readonly metadata_writes: number;
  readonly flushes: number;
  readonly written_bytes: number;
}

/** What it takes to write the whole table. */
export interface CheckpointRow {
  readonly entries: number;
  readonly writes: number;
  readonly written_bytes: number;
  readonly instructions: number;
  /** Commits from one to the next. */
  readonly ring_blocks: number;
}

/** What it takes to read the whole table; for one entry, where there are many. */
export interface ActivationRow extends Judged {
  readonly entries: number;
  readonly instructions: number;
  readonly instructions_per_entry?: number;
  readonly entry_bytes?: number;
}

/** How long `--version` takes, in three ways to start the same program. */
export interface StartTimes {
  readonly packed_ms: readonly number[];
  readonly bundle_ms: readonly number[];
  readonly source_ms: readonly number[];
}

export interface StartRow {
  readonly packed_ms: number;
  readonly bundle_ms: number;
  readonly source_ms: number;
  readonly runs: number;
  readonly packed_to_bundle: number;
  readonly packed_to_source: number;
  readonly budget_ms: number;
  readonly budget_ratio: number;
  readonly within_budget: boolean;
}

/** The JSON document, without its `schema_version`. */
export interface Report {
  readonly kernel?: string;
  readonly io: readonly IoRow[];
  readonly memory: readonly MemoryRow[];
  readonly requests: readonly RequestRow[];
  readonly scans: readonly ScanRow[];
  readonly commits: readonly CommitRow[];
  readonly checkpoints: readonly CheckpointRow[];
  readonly activations: readonly ActivationRow[];
  readonly start?: StartRow;
}

/** Puts measurements beside their budgets. */
export function makeReport(
  measurements: readonly Measurement[],
  starts?: StartTimes,
  kernel?: string,
): Report {
  const io = measurements.filter((each) => each.kind === "io");
  return {
    ...(kernel === undefined ? {} : { kernel }),
    io: CASES.map((id) => ioRow(id, io)).filter(({ read, write }) => read ?? write),
    memory: measurements.filter((each) => each.kind === "memory")
      .map(({ order, entries, node_bytes }) => {
        const entry_bytes = round(node_bytes / entries, 1);
        return {
          order,
          entries,
          node_bytes,
          entry_bytes,
          ...judge(entry_bytes, ENTRY_BYTES_BUDGET),
        };
      }),
    requests: REQUESTS.flatMap((request) => requestRow(request, measurements)),
    scans: measurements.filter((each) => each.kind === "scan").map(scanRow),
    commits: measurements.filter((each) => each.kind === "commit").map(commitRow),
    checkpoints: measurements.filter((each) => each.kind === "checkpoint").map(checkpointRow),
    activations: activationRows(measurements.filter((each) => each.kind === "activation")),
    ...(starts === undefined ? {} : { start: startRow(starts) }),
  };
}

const INSTRUCTION_DIGITS = 1;

function ioRow(id: CaseId, io: readonly IoMeasurement[]): IoRow {
  const find = (wanted: CaseId, operation: OperationName) =>
    io.find((each) => each.case === wanted && each.operation === operation);
  const figures = OPERATIONS.flatMap((operation) => {
    const own = find(id, operation);
    if (own === undefined) return [];
    const linear = find("linear", operation)?.instructions;
    const above = linear === undefined || id === "brd"
      ? undefined
      : round(own.instructions - linear, INSTRUCTION_DIGITS);
    const stitched = find("stitched", operation)?.instructions;
    const rule = operation === "read" ? READ_BUDGETS[id] : undefined;
    const budget = rule === "stitched" && stitched !== undefined && linear !== undefined
      ? round(stitched - linear, INSTRUCTION_DIGITS)
      : rule;
    const judged = above === undefined || typeof budget !== "number"
      ? {}
      : judge(above, budget, rule === "stitched");
    const figure: IoFigure = {
      instructions: round(own.instructions, INSTRUCTION_DIGITS),
      shortest_instructions: own.shortest,
      ...(above === undefined ? {} : { above_linear: above }),
      ...judged,
    };
    return [[operation, figure] as const];
  });
  return { case: id, ...Object.fromEntries(figures) };
}

function requestRow(request: RequestKind, measurements: readonly Measurement[]): RequestRow[] {
  const own = measurements.filter((each) => each.kind === "request" && each.request === request)
    .filter((each) => each.kind === "request");
  const [first] = own;
  if (first === undefined) return [];
  const perSector = median(own.map(({ instructions, sectors }) => instructions / sectors));
  return [{ request, sectors: first.sectors, instructions_per_sector: Math.round(perSector) }];
}

const SECTOR_BYTES = 512;

function commitRow(each: CommitMeasurement): CommitRow {
  const { cause, entries, relocations } = each;
  const one = (all: number) => round(all / relocations, 2);
  const writes = one(each.writes);
  return {
    ...{ cause, entries, writes },
    metadata_writes: one(each.metadata_writes),
    flushes: one(each.flushes),
    written_bytes: Math.round(each.sectors * SECTOR_BYTES / relocations),
    ...judge(writes, COMMIT_WRITES_BUDGET),
  };
}

function checkpointRow(
  { entries, writes, sectors, instructions, ring_blocks }: CheckpointMeasurement,
): CheckpointRow {
  return { entries, writes, written_bytes: sectors * SECTOR_BYTES, instructions, ring_blocks };
}

/** Tables below this are all in what an activation takes anyway. */
const MANY_ENTRIES = 1000;

/** The price of an entry is what a long table takes more than the shortest. */
function activationRows(all: readonly ActivationMeasurement[]): ActivationRow[] {
  const shortest = all.toSorted((a, b) => a.entries - b.entries)[0];
  return all.map(({ entries, instructions, node_bytes }) => {
    if (shortest === undefined || entries < MANY_ENTRIES) return { entries, instructions };
    const more = instructions - shortest.instructions;
    const instructions_per_entry = Math.round(more / (entries - shortest.entries));
    return {
      ...{ entries, instructions, instructions_per_entry },
      ...entries > MANY_ENTRIES ? { entry_bytes: round(node_bytes / entries, 1) } : {},
      ...judge(instructions_per_entry, ACTIVATION_BUDGET),
    };
  });
}

function scanRow({ sectors, instructions, plain_instructions }: ScanMeasurement): ScanRow {
  const percent = round(100 * plain_instructions / instructions, 1);
  return {
    sectors,
    instructions_per_sector: Math.round(instructions / sectors),
    plain_instructions_per_sector: Math.round(plain_instructions / sectors),
    percent,
    budget: SCAN_PERCENT_BUDGET,
    within_budget: percent >= SCAN_PERCENT_BUDGET,
  };
}

function startRow({ packed_ms, bundle_ms, source_ms }: StartTimes): StartRow {
  const packed = median(packed_ms);
  const bundle = median(bundle_ms);
  const source = median(source_ms);
  const { milliseconds, ratio } = START_BUDGET;
  return {
    packed_ms: round(packed, 1),
    bundle_ms: round(bundle, 1),
    source_ms: round(source, 1),
    runs: packed_ms.length,
    packed_to_bundle: round(packed / bundle, 2),
    packed_to_source: round(packed / source, 2),
    budget_ms: milliseconds,
    budget_ratio: ratio,
    within_budget: packed <= milliseconds && packed <= ratio * bundle,
  };
}

/** @param less the budget itself is too much */
function judge(figure: number, budget: number, less = false): Required<Judged> {
  return { budget, within_budget: less ? figure < budget : figure <= budget };
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
