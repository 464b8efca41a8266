// SPDX-License-Identifier: GPL-2.0-only
//
// Of each allocation of the module: was it made to fail, and has the module noticed? Pure.
import type { Counts } from "../coverage/gcov.ts";
import { allocatingLines, type Allocation, type Place } from "./sites.ts";
import { locate } from "./sites.ts";

/** A line of the module that an allocation which failed was made from. */
export interface FailedAt {
  readonly file: string;
  readonly line: number;
}

export interface Verdict {
  readonly file: string;
  readonly line: number;
  readonly call: string;
  /** `reached`, why not, or why it cannot be. */
  readonly says: string;
  readonly ok: boolean;
}

/** Lines with a choice in them have run to the end only if each way of it was taken. */
function hasTakenEveryWay(counts: Counts, file: string, line: number): boolean {
  const found = counts.get(file)?.get(line);
  return found !== undefined && found.count > 0 && found.branches.every((count) => count > 0);
}

function judge(
  { file, call, cannotFail, reason }: Allocation,
  { first, last, then }: Place,
  failed: readonly FailedAt[],
  counts: Counts,
): Verdict {
  const verdict = (ok: boolean, says: string) => ({ file, line: first, call, says, ok });
  if (cannotFail === true) return verdict(reason !== undefined, `cannot fail: ${reason}`);
  const hit = failed.some((at) => at.file === file && at.line >= first && at.line <= last);
  if (!hit) return verdict(false, "never failed");
  if (then === undefined) return verdict(reason !== undefined, `reached: ${reason}`);
  return hasTakenEveryWay(counts, file, then)
    ? verdict(true, `reached, line ${then}`)
    : verdict(false, `failed, but line ${then} was not executed in every way`);
}

/** Calls that the list does not know: somebody has added one. */
export function unknownCalls(
  source: string,
  file: string,
  list: readonly Allocation[],
): number[] {
  const known = list.filter((each) => each.file === file).map((each) => locate(source, each));
  return allocatingLines(source).filter((line) =>
    !known.some(({ first, last }) => line >= first && line <= last)
  );
}

/** @param sources of the module, by name */
export function judgeAll(
  sources: ReadonlyMap<string, string>,
  list: readonly Allocation[],
  failed: readonly FailedAt[],
  counts: Counts,
): Verdict[] {
  const verdicts = list.map((each) =>
    judge(each, locate(sources.get(each.file) ?? "", each), failed, counts)
  );
  for (const [file, source] of sources) {
    for (const line of unknownCalls(source, file, list)) {
      const call = source.split("\n")[line - 1]?.trim() ?? "";
      verdicts.push({ file, line, call, says: "not in tests/failslab/sites.ts", ok: false });
    }
  }
  return verdicts;
}
