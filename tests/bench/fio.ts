// SPDX-License-Identifier: GPL-2.0-only
import { z } from "zod";
import type { OperationName } from "./cases.ts";

/** fio failed, or said something that is not a result. */
export class FioError extends Error {
  override readonly name = "FioError";
}

export interface FioResult {
  /** Mean time from submission to completion. */
  readonly meanNs: number;
  /** The least of them. */
  readonly shortestNs: number;
  readonly count: number;
}

const direction = z.object({
  total_ios: z.number(),
  clat_ns: z.object({ min: z.number(), mean: z.number(), N: z.number() }),
});
const output = z.object({
  jobs: z.array(z.object({ error: z.number(), read: direction, write: direction })).length(1),
});

/** The mean latency of one direction in what `fio --output-format=json` wrote. */
export function parseFio(text: string, operation: OperationName): FioResult {
  // fio puts its warnings before the document.
  const start = text.indexOf("{");
  let job: z.infer<typeof output>["jobs"][number] | undefined;
  try {
    job = output.parse(JSON.parse(text.slice(start))).jobs[0];
  } catch (cause) {
    throw new FioError(`not a result of fio: ${text.slice(0, 200)}`, { cause });
  }
  if (job === undefined || job.error !== 0) throw new FioError(`fio: error ${job?.error}`);
  const { clat_ns: latency, total_ios: count } = job[operation];
  if (count === 0 || latency.N === 0) throw new FioError(`fio did no ${operation}`);
  return { meanNs: latency.mean, shortestNs: latency.min, count };
}
