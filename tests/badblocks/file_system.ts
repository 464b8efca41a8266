// SPDX-License-Identifier: GPL-2.0-only
//
// ext4 as people use it: made, mounted, filled by fio and by copies, checked, mounted again.
import { checkEqual } from "../../cli/selftest/check.ts";
import {
  checkFiles,
  digest,
  type Digests,
  findRealFiles,
} from "../../cli/selftest/stages/real_files.ts";
import { KernelLogMark } from "../../ffi/kernel_log.ts";
import { run } from "../suite/guest/process.ts";

const MIB = 2 ** 20;
const MOUNT = "/tmp/mnt";
const SOURCE = "/tmp/files";
const CHOICE = { files: 150, bytes: 12 * MIB, largest: MIB };

/** What the file system and the block layer write into the log when something reached them. */
const ERRORS = [
  /EXT4-fs (error|warning)/,
  /JBD2: .*(error|fail)/i,
  /Aborting journal/i,
  /Buffer I\/O error on dev dm-/,
  /I\/O error.* dm-/,
  /lost .*page write/,
];

/** Real files, copied to memory once: name and digest of each. */
export async function collectFiles(): Promise<Digests> {
  const digests: Digests = new Map();
  await Deno.mkdir(SOURCE);
  for (const [index, { path }] of (await findRealFiles(CHOICE)).entries()) {
    const content = await Deno.readFile(path);
    const name = `${index}-${path.replaceAll("/", "_").slice(-60)}`;
    await Deno.writeFile(`${SOURCE}/${name}`, content);
    digests.set(name, await digest(content));
  }
  return digests;
}

const COMMON = ["--verify=crc32c", "--verify_fatal=1", "--randseed=1", `--directory=${MOUNT}`];
/** Direct and through the page cache, in order and at random, with flushes in between. */
const JOBS = [
  ["--name=direct", "--rw=write", "--bs=128k", "--size=14m", "--direct=1", "--end_fsync=1"],
  ["--name=buffered", "--rw=write", "--bs=64k", "--size=14m", "--fsync=32"],
  ["--name=scattered", "--rw=randwrite", "--bs=4k", "--size=6m", "--direct=1", "--fsync=64"],
  ["--name=lazy", "--rw=randwrite", "--bs=4k", "--size=8m", "--fdatasync=256"],
] as const;

async function fio(...options: readonly string[]): Promise<void> {
  const output = ["--output-format=terse", "--group_reporting=0", "--thread"];
  const engine = ["--ioengine=libaio", "--iodepth=8"];
  // What stands behind a job's name is that job's own.
  const jobs = JOBS.flatMap((job) => [...job, ...COMMON, ...engine, ...options]);
  await run("fio", ...output, ...jobs);
}

async function mount(path: string): Promise<void> {
  await run("mount", "-t", "ext4", "-o", "errors=remount-ro,nodev,nosuid,noexec", path, MOUNT);
}

async function unmount(): Promise<void> {
  const mounts = await Deno.readTextFile("/proc/mounts");
  const line = mounts.split("\n").find((each) => each.includes(` ${MOUNT} `)) ?? "";
  await run("umount", MOUNT);
  checkEqual("mounted for writing to the end", / rw,/.test(line), true);
}

async function fsck(path: string): Promise<void> {
  await run("e2fsck", "-f", "-n", path);
}

/** Fills the file system; `expected` are the files of {@linkcode collectFiles}. */
async function fill(expected: Digests): Promise<void> {
  const copies = async (name: string) => {
    await run("cp", "-r", SOURCE, `${MOUNT}/${name}`);
    await run("sync", "-f", MOUNT);
  };
  await Promise.all([fio("--do_verify=1"), copies("copy")]);
  await checkFiles("while mounted", `${MOUNT}/copy`, expected);
}

/** A day in the life of a file system, in which nobody may notice that the disk is bad. */
export async function useFileSystem(path: string, expected: Digests): Promise<void> {
  using log = KernelLogMark.atEnd();
  // A page that cannot be read cannot be written in part, and that is how mkfs writes the first one.
  await run("dd", "if=/dev/zero", `of=${path}`, "bs=4K", "count=16", "oflag=direct", "status=none");
  const unlazy = "lazy_itable_init=0,lazy_journal_init=0";
  await run("mkfs.ext4", "-q", "-F", "-b", "4096", "-m", "0", "-E", unlazy, path);
  await Deno.mkdir(MOUNT, { recursive: true });
  await mount(path);
  try {
    await fill(expected);
  } finally {
    await unmount();
  }
  await fsck(path);
  await Deno.writeTextFile("/proc/sys/vm/drop_caches", "3");
  await mount(path);
  try {
    await checkFiles("mounted again", `${MOUNT}/copy`, expected);
    await fio("--verify_only");
    // The places of these files are written again, now with other data.
    for (const name of ["direct.0.0", "buffered.0.0"]) await Deno.remove(`${MOUNT}/${name}`);
    await run("cp", "-r", `${MOUNT}/copy`, `${MOUNT}/again`);
    await run("sync", "-f", MOUNT);
    await Deno.writeTextFile("/proc/sys/vm/drop_caches", "3");
    await checkFiles("copied again", `${MOUNT}/again`, expected);
  } finally {
    await unmount();
  }
  await fsck(path);
  const lines = (log?.read() ?? []).filter((line) => ERRORS.some((error) => error.test(line)));
  checkEqual("errors in the log", lines, []);
}
