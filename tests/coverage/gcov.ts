// SPDX-License-Identifier: GPL-2.0-only
//
// What gcov says of one run, and the sum over runs. The counters of a run are read by gcov, which
// knows their format; sums are made of what it says, so that runs of one build can be added.
import { basename } from "node:path";

/** A line that the compiler has made code of. */
export interface LineCount {
  readonly line: number;
  readonly count: number;
  /** How often each way of a branch was taken. */
  readonly branches: readonly number[];
}

/** Lines by number. */
export type FileCounts = Map<number, LineCount>;
/** By name, without the folder. */
export type Counts = Map<string, FileCounts>;

interface GcovLine {
  readonly line_number: number;
  readonly count: number;
  readonly branches: readonly { readonly count: number }[];
}

interface GcovDocument {
  readonly files: readonly { readonly file: string; readonly lines: readonly GcovLine[] }[];
}

/** The counts of the same branches; those of a line that was compiled in two ways: of the longer. */
function addBranches(a: readonly number[], b: readonly number[]): readonly number[] {
  if (a.length !== b.length) return a.length > b.length ? a : b;
  return a.map((count, index) => count + (b[index] ?? 0));
}

export function addLine(file: FileCounts, { line, count, branches }: LineCount): void {
  const before = file.get(line);
  file.set(line, {
    line,
    count: count + (before?.count ?? 0),
    branches: before === undefined ? branches : addBranches(before.branches, branches),
  });
}

export function addCounts(to: Counts, from: Counts): void {
  for (const [name, lines] of from) {
    const file = to.get(name) ?? new Map();
    to.set(name, file);
    for (const line of lines.values()) addLine(file, line);
  }
}

/** Of files in the module's own folder; the kernel's headers are not ours. */
export function parseGcov(text: string): Counts {
  const counts: Counts = new Map();
  for (const document of text.split("\n").filter((line) => line.startsWith("{"))) {
    const { files } = JSON.parse(document) as GcovDocument;
    for (const { file, lines } of files) {
      const name = basename(file);
      if (!name.startsWith("dm-remap") || name.endsWith(".mod.c")) continue;
      const own: FileCounts = counts.get(name) ?? new Map();
      counts.set(name, own);
      for (const { line_number: line, count, branches } of lines) {
        addLine(own, { line, count, branches: branches.map((branch) => branch.count) });
      }
    }
  }
  return counts;
}

/** Names of the counters in a folder; a run that was stopped too early has left none. */
export function countersIn(dir: string): string[] {
  return [...Deno.readDirSync(dir)].map(({ name }) => name)
    .filter((name) => name.endsWith(".gcda") && !name.endsWith(".mod.gcda")).sort();
}

/** Reads the counters of a run of a module that was built in `build`; they lie in a folder. */
export async function readCounters(build: string, counters: string): Promise<Counts> {
  const scratch = await Deno.makeTempDir({ prefix: "dmremap-gcov-" });
  try {
    const names: string[] = [];
    for (const name of countersIn(counters)) {
      await Deno.copyFile(`${counters}/${name}`, `${scratch}/${name}`);
      const notes = name.replace(/gcda$/, "gcno");
      await Deno.copyFile(`${build}/${notes}`, `${scratch}/${notes}`);
      names.push(`${scratch}/${name}`);
    }
    const { success, stdout, stderr } = await new Deno.Command("gcov", {
      args: ["--json-format", "--stdout", "--branch-probabilities", ...names],
      cwd: scratch,
      stdin: "null",
    }).output();
    if (!success || names.length === 0) {
      throw new Error(`gcov of ${counters}: ${new TextDecoder().decode(stderr)}`);
    }
    return parseGcov(new TextDecoder().decode(stdout));
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}
