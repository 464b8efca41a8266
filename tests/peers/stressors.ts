// SPDX-License-Identifier: GPL-2.0-only
//
// Which of stress-ng's stressors run on a mounted file system, and how much of each.

/** Of stress-ng's classes for file systems and I/O, what says nothing of a disk, and why. */
export const LEFT_OUT: Readonly<Record<string, string>> = {
  "bind-mount": "mounts in name spaces of its own, of /",
  binderfs: "a file system of its own, which Debian's kernel does not have",
  dup: "file descriptors",
  eventfd: "file descriptors",
  fstat: "looks at /dev",
  getdent: "looks at /proc and /sys",
  "inode-flags": "does not end by itself: it counts nothing",
  "io-uring": "asks for a file that is not there, and fails, on any disk; fio uses io_uring",
  ioprio: "scheduling classes",
  procfs: "looks at /proc",
  rawdev: "reads the disk behind the file system, with sectors that nobody has written",
  verity: "needs a file system that was made for it",
};

/** Bogo operations that cost much, or that do little each; others get {@linkcode USUAL_OPS}. */
const OPS: Readonly<Record<string, number>> = {
  aio: 200,
  aiol: 60,
  chattr: 10,
  chdir: 1,
  "copy-file": 4,
  fallocate: 2,
  fanotify: 5,
  fpunch: 1,
  fsize: 3,
  hdd: 1500,
  inotify: 5,
  iomix: 15,
  link: 1,
  readahead: 1000,
  revio: 600,
  seek: 300,
  symlink: 1,
  "sync-file": 5,
  utime: 200,
};
const USUAL_OPS = 20;

/** What they use of the disk, where it would be more than there is. */
const SIZES: Readonly<Record<string, readonly string[]>> = {
  chdir: ["--chdir-dirs", "64"],
  "copy-file": ["--copy-file-bytes", "128m"],
  fallocate: ["--fallocate-bytes", "4m"],
  hdd: ["--hdd-bytes", "6m", "--hdd-write-size", "32k", "--hdd-opts", "direct,wr-rnd,rd-rnd"],
  iomix: ["--iomix-bytes", "4m"],
  readahead: ["--readahead-bytes", "4m"],
  revio: ["--revio-bytes", "4m"],
  seek: ["--seek-size", "4m"],
  "sync-file": ["--sync-file-bytes", "2m"],
};

/** The names in the answer to `stress-ng --class NAME?`. */
export function parseClass(text: string): string[] {
  const [, names] = /stressors: ([\w\- ]+)/.exec(text) ?? [];
  if (names === undefined) throw new Error(`no list of stressors: ${text.slice(0, 200)}`);
  return names.trim().split(" ");
}

/** Those that run, in the order of their names. */
export function chosenStressors(...classes: readonly (readonly string[])[]): string[] {
  return [...new Set(classes.flat())].filter((name) => !(name in LEFT_OUT)).sort();
}

/** The arguments for one process of each. */
export function stressorArguments(names: readonly string[], factor: number): string[] {
  return names.flatMap((name) => [
    ...[`--${name}`, "1", `--${name}-ops`, `${(OPS[name] ?? USUAL_OPS) * factor}`],
    ...SIZES[name] ?? [],
  ]);
}

/** Bogo operations of each stressor, from the report that `--yaml` writes. */
export function parseMetrics(yaml: string): Map<string, number> {
  const entries = yaml.matchAll(/- stressor: (\S+)\s+bogo-ops: (\d+)/g);
  return new Map([...entries].map(([, name, ops]) => [name!, Number(ops)]));
}
