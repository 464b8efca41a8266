// SPDX-License-Identifier: GPL-2.0-only
//
// What fio is asked to do, and what its report has to say of that.

/** A job of fio's, with a part of the device that is its own. */
export interface Job {
  readonly name: string;
  readonly options: readonly string[];
  /** Sectors. */
  readonly first: number;
  readonly count: number;
  /** Its smallest block. */
  readonly blockSectors: number;
  /** It writes some blocks twice, so that the first pass alone can be verified. */
  readonly overlaps?: boolean;
}

/** A run of sectors. */
export interface Region {
  readonly first: number;
  readonly count: number;
}

const SECTOR_BYTES = 512;
const MIB = 2048;

/** Ways to verify that fio knows and that verify nothing. */
const NOT_VERIFYING: Readonly<Record<string, string>> = {
  "0": "no verification at all",
  null: "pretends to verify: it is there to measure what verifying costs",
};

/** The ways to verify, as `fio --cmdhelp=verify` lists them: those of the fio that is there. */
export function parseModes(help: string): string[] {
  const [, list = ""] = help.split("valid values:");
  const modes = [...list.matchAll(/^(?:[ \t]*:)?[ \t]*(\S+)/gm)].map((match) => match[1]!);
  return modes.filter((mode) => !(mode in NOT_VERIFYING));
}

export function regionOf({ first, count }: Job): Region {
  return { first, count };
}

/** Jobs side by side, from a sector on; each starts at another place within a page. */
function sideBySide(
  start: number,
  unit: number,
  wanted: readonly (Omit<Job, "first" | "count"> & { readonly count: number })[],
): Job[] {
  let next = start;
  return wanted.map((job, index) => {
    const first = next + (index % 8) * unit;
    next = first + job.count + 8 * unit;
    const place = [`--offset=${first * SECTOR_BYTES}`, `--size=${job.count * SECTOR_BYTES}`];
    return { ...job, first, options: [...place, ...job.options] };
  });
}

/** Patterns in more ways than one: `%o` stands for the block's offset. */
const PATTERNS: readonly (readonly [name: string, pattern: string])[] = [
  ["pattern", "0xdeadbeef"],
  ["pattern-offset", "%o"],
  ["pattern-mixed", `"remap"%o-12`],
];

/** Every way to verify, each over a part of its own. */
export function modeJobs(modes: readonly string[], unit: number, factor: number): Job[] {
  const common = ["--ioengine=libaio", "--iodepth=8", "--rw=randwrite"];
  const blockSectors = 8;
  const ways = modes.flatMap((mode): readonly (readonly [string, readonly string[]])[] =>
    mode === "pattern"
      ? PATTERNS.map((
        [name, pattern],
      ) => [name, [`--verify=${mode}`, `--verify_pattern=${pattern}`]])
      : [[mode, [`--verify=${mode}`]]]
  );
  return sideBySide(
    0,
    unit,
    ways.map(([name, options]) => ({
      name,
      options: [...common, `--bs=${blockSectors * SECTOR_BYTES}`, ...options],
      count: factor * MIB * 3 / 4,
      blockSectors,
    })),
  );
}

const SUM = "--verify=crc32c";

/** Engines, block sizes and ways to go about it, with the checksum that costs least. */
export function engineJobs(unit: number): Job[] {
  const bytes = unit * SECTOR_BYTES;
  const uring = ["--ioengine=io_uring", "--iodepth=16", SUM];
  const aio = ["--ioengine=libaio", "--iodepth=16", SUM];
  const random = "--rw=randwrite";
  const job = (name: string, mib: number, blockSectors: number, ...options: string[]) => ({
    name,
    // Whole blocks: fio leaves the rest of a part away.
    count: Math.floor(mib * MIB / blockSectors) * blockSectors,
    blockSectors,
    options,
  });
  return sideBySide(40 * MIB, unit, [
    job("smallest", 1, unit, ...uring, random, `--bs=${bytes}`),
    job("large", 4, 2048, ...uring, "--rw=write", "--bs=1m"),
    job("all-sizes", 4, unit, ...uring, "--rw=write", `--bsrange=${bytes}-1m`),
    job("odd", 3, 7 * unit, ...uring, random, `--bs=${7 * bytes}`),
    job("async", 3, 8, ...aio, random, "--bs=4k", "--verify_async=2"),
    job("backlog", 3, 16, ...aio, random, "--bs=8k", "--verify_backlog=32"),
    job("vectors", 1, 8, "--ioengine=pvsync2", SUM, random, "--bs=4k", "--fdatasync=16"),
    {
      ...job("uneven", 1, 8, ...aio, random, "--bs=4k", "--random_distribution=zipf:1.1"),
      overlaps: true,
    },
  ]);
}

interface JobReport {
  readonly jobname: string;
  readonly error: number;
  readonly total_err?: number;
  readonly read: { readonly io_bytes: number };
  readonly write: { readonly io_bytes: number };
}

function isReport(value: unknown): value is { readonly jobs: readonly JobReport[] } {
  return typeof value === "object" && value !== null && "jobs" in value &&
    Array.isArray(value.jobs);
}

/** What is wrong with a run: a line `name: what` for each job, in their order. */
export function judgeRun(report: unknown, jobs: readonly Job[], onlyVerified: boolean): string[] {
  if (!isReport(report)) return ["fio: no report"];
  return jobs.flatMap((job) => {
    const found = report.jobs.find(({ jobname }) => jobname === job.name);
    if (found === undefined) return [`${job.name}: not in the report`];
    const { error, total_err = 0, read, write } = found;
    if (error !== 0 || total_err !== 0) return [`${job.name}: error ${error}, ${total_err} in all`];
    const bytes = job.count * SECTOR_BYTES;
    const least = job.overlaps === true ? bytes / 8 : bytes;
    const seen = onlyVerified ? read.io_bytes : Math.min(read.io_bytes, write.io_bytes);
    return seen < least ? [`${job.name}: ${seen} of ${least} bytes verified`] : [];
  });
}
