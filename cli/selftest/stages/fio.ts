// SPDX-License-Identifier: GPL-2.0-only
// Runs fio and reads its report.
import { check, CheckError } from "../check.ts";
import { run } from "../programs.ts";

export interface FioJob {
  readonly file: string;
  readonly rw: "read" | "write" | "randread" | "randwrite" | "randrw";
  readonly blockKiB: number;
  readonly depth: number;
  readonly engine: "libaio" | "io_uring" | "psync";
  readonly seconds: number;
  readonly nowait?: boolean;
  /** Ends are polled for; that of a device without such queues comes by an interrupt as well. */
  readonly polled?: boolean;
  /** Write with checksums and read everything back, once over the device. */
  readonly verify?: boolean;
}

export interface FioResult {
  /** Of reads and writes together. */
  readonly mibPerSecond: number;
  readonly iops: number;
  readonly meanLatencyUs: number;
  readonly p99LatencyUs: number;
}

export function fioArguments(job: FioJob): string[] {
  const length = job.verify
    ? ["--verify=crc32c", "--verify_fatal=1", "--do_verify=1"]
    : ["--time_based", `--runtime=${job.seconds}`];
  return [
    "--name=selftest",
    `--filename=${job.file}`,
    `--rw=${job.rw}`,
    `--bs=${job.blockKiB}k`,
    `--iodepth=${job.depth}`,
    `--ioengine=${job.engine}`,
    "--direct=1",
    "--thread",
    "--randseed=1",
    "--output-format=json",
    // A request that would have to wait comes back with EAGAIN, and that is right so. What is to be
    // ignored fio ignores only where it goes on after errors; others still end it.
    ...job.nowait ? ["--nowait=1", "--ignore_error=EAGAIN", "--continue_on_error=io"] : [],
    ...job.polled ? ["--hipri=1"] : [],
    ...length,
  ];
}

/** <asm-generic/errno-base.h> */
const EAGAIN = 11;

interface Direction {
  readonly io_bytes: number;
  readonly runtime: number;
  readonly iops: number;
  readonly total_ios: number;
  readonly clat_ns: {
    readonly mean: number;
    readonly percentile?: Readonly<Record<string, number>>;
  };
}

/** What a report in fio's JSON says of its only job; its text may have remarks before it. */
export function parseFio(text: string): FioResult & { readonly errno: number } {
  const report = JSON.parse(text.slice(text.indexOf("{"))) as {
    readonly jobs: readonly [{
      readonly error: number;
      readonly read: Direction;
      readonly write: Direction;
    }];
  };
  const [job] = report.jobs;
  const used = [job.read, job.write].filter(({ total_ios }) => total_ios > 0);
  const ios = used.reduce((sum, each) => sum + each.total_ios, 0);
  const weighted = (of: (each: Direction) => number) =>
    ios === 0 ? 0 : used.reduce((sum, each) => sum + of(each) * each.total_ios, 0) / ios;
  return {
    errno: job.error,
    mibPerSecond: used.reduce((sum, each) => {
      return sum + (each.runtime === 0 ? 0 : each.io_bytes / each.runtime * 1000 / 1048576);
    }, 0),
    iops: used.reduce((sum, each) => sum + each.iops, 0),
    meanLatencyUs: weighted(({ clat_ns }) => clat_ns.mean) / 1000,
    p99LatencyUs: weighted(({ clat_ns }) => clat_ns.percentile?.["99.000000"] ?? 0) / 1000,
  };
}

/** Longer than the slowest machine takes: a request that is sent back for ever must not hang us. */
const LIMIT_SECONDS = 300;

/** fio's report, unless it takes too long. */
async function report(job: FioJob, what: string, signal: AbortSignal): Promise<string> {
  const late = new AbortController();
  const limit = job.seconds + LIMIT_SECONDS;
  const timer = setTimeout(
    () => late.abort(new CheckError(what, `over in ${limit} s`, "still at it")),
    limit * 1000,
  );
  try {
    return await run("fio", fioArguments(job), { signal: AbortSignal.any([signal, late.signal]) });
  } finally {
    clearTimeout(timer);
  }
}

/** Runs a job that has to end without an error. */
export async function fio(job: FioJob, signal: AbortSignal): Promise<FioResult> {
  const what = `fio ${job.rw} on ${job.file}`;
  const result = parseFio(await report(job, what, signal));
  // Of a job that went on after errors that it ignores, the report tells the first of them.
  const ignored = job.nowait ? EAGAIN : 0;
  check(what, result.errno === 0 || result.errno === ignored, {
    expected: "error 0",
    seen: result.errno,
  });
  return result;
}
