// SPDX-License-Identifier: GPL-2.0-only
// What must not be taken for wrong bytes: whatever programs may do to a disk, in any order.
import { join } from "node:path";
import { alignedBuffer } from "../../../ffi/aio.ts";
import { check, checkEqual } from "../check.ts";
import { newGeneration, position, readSectors } from "../content.ts";
import { fillSectors, findMismatch, SECTOR } from "../pattern.ts";
import { run as runProgram } from "../programs.ts";
import { Random } from "../random.ts";
import type { Rig } from "../rig.ts";
import type { Scope } from "../scope.ts";
import type { StageRun } from "../stage.ts";
import { inBackground, together } from "../tasks.ts";
import { parseFio } from "./fio.ts";
import { pause, until } from "./errors/here.ts";
import type { VerifyCase } from "./verify_finds.ts";
import {
  checkGone,
  checkStat,
  checkUnreadable,
  makeRottenRig,
  type RottenRig,
  stat,
  VERIFYING,
} from "./verify_rig.ts";

/** Long beside all that may delay this program. */
const DELAY_MS = 1500;
const SECONDS = 6;
/** Where all of them write over each other. */
const ARENA_SECTORS = 2048;

/** Nothing was wrong, and it was looked at; a bit that changes now is noticed. */
async function checkQuiet({ rig, main }: RottenRig): Promise<void> {
  await checkStat(rig, "verify_errors", 0n);
  checkGone(rig, "although nothing was wrong", 0n, 0n);
  const known = await stat(rig, "verify_blocks");
  check("blocks that can be verified", known > 0n, { expected: "some", seen: known });
  checkEqual("clear", (await rig.send("clear")).split(" ")[1], "kept=0");
  await rig.write(500, 8);
  await main.flip(503);
  await checkUnreadable(rig, 500, 8);
}

/** A program goes on with a buffer that is being written: nobody knows what reaches the disk. */
async function takesWhatProgramsDo(stage: StageRun, scope: Scope): Promise<void> {
  const { rig, main } = await makeRottenRig(stage, scope);
  const [first, count] = [100, 16];
  await rig.write(first, count);
  const [before, after] = [newGeneration(), newGeneration()];
  const buffer = alignedBuffer(count * SECTOR, 4096);
  fillSectors(buffer, first, () => before);
  await main.delay({ reads: 0, writes: DELAY_MS });
  const written = rig.file.write(position(first), buffer);
  await until("the write begins", () => rig.inFlight() > 0);
  await pause(DELAY_MS / 10);
  fillSectors(buffer, first, () => after);
  await written;
  await main.readRightly();
  rig.content.set(first, count, after);
  await rig.check("a buffer that changed while it was written", first, count);
  await checkStat(rig, "verify_errors", 0n);
  await checkStat(rig, "verify_blocks", 0n);
  await rig.write(first, count);
  await checkStat(rig, "verify_blocks", BigInt(count));
}

/** Rot is written over while it is looked at again: what is there by then is right. */
async function looksAtWhatIsThereNow(stage: StageRun, scope: Scope): Promise<void> {
  const { rig, main } = await makeRottenRig(stage, scope);
  const [first, count] = [100, 16];
  await rig.write(first, count);
  await main.flip(104);
  await main.delay({ reads: DELAY_MS, writes: 0 });
  const read = readSectors(rig.file, first, count);
  await until("the read begins", () => rig.inFlight() > 0);
  // The read takes one delay, and the second look at its rotten sector another one.
  await pause(1.5 * DELAY_MS);
  await rig.write(104, 1);
  const bytes = await read;
  const wrong = findMismatch(bytes, first, (sector) => rig.content.generation(sector));
  checkEqual("wrong bytes", wrong, undefined);
  await checkStat(rig, "verify_errors", 0n);
  checkGone(rig, "although it was written over", 0n, 0n);
}

/** fio over the bare device or a folder; every job has to end well. */
async function fio(stage: StageRun, name: string, args: readonly string[]): Promise<void> {
  const all = [`--name=${name}`, "--thread", "--randseed=1", "--output-format=json", ...args];
  const { errno } = parseFio(await runProgram("fio", all, { signal: stage.signal }));
  checkEqual(`fio ${name}: error`, errno, 0);
}

const timed = ["--time_based", `--runtime=${SECONDS}`];

/** Moves, discards and zeroes, everywhere in the arena, until told to stop. */
async function stir(rig: Rig, seed: number, goesOn: () => boolean): Promise<number> {
  const random = new Random(seed);
  let rounds = 0;
  for (; goesOn(); rounds++) {
    const count = random.pick([1, 8, 64, 256]);
    const first = random.below(ARENA_SECTORS - count);
    const bytes = [position(first), position(count)] as const;
    const kind = random.below(8);
    if (kind < 3 && rig.status().remapped < 1000n) await rig.send(`remap ${first} ${count}`);
    else if (kind < 6) await rig.send(`unmap ${first} ${count}`);
    else if (kind < 7) await rig.file.discard(...bytes);
    else await rig.file.zeroout(...bytes);
    if (random.below(10) === 0) {
      await rig.dm.suspend(rig.name);
      await rig.dm.resume(rig.name);
    }
  }
  return rounds;
}

/** Direct and buffered writers and readers over the same sectors, all at once. */
async function letsEverybodyCollide(stage: StageRun, scope: Scope): Promise<void> {
  const rotten = await makeRottenRig(stage, scope);
  const { rig } = rotten;
  const arena = [`--filename=${rig.device.path}`, `--size=${ARENA_SECTORS * SECTOR}`];
  const direct = [...arena, "--direct=1", "--ioengine=libaio", "--iodepth=16", ...timed];
  const jobs = inBackground([
    fio(stage, "direct", [...direct, "--rw=randrw", "--bsrange=512-64k", "--bs_unaligned=0"]),
    fio(stage, "small", [...direct, "--rw=randwrite", "--bs=512"]),
    fio(stage, "readers", [...direct, "--rw=randread", "--bs=4k"]),
    fio(stage, "buffered", [...arena, "--ioengine=psync", "--rw=randrw", "--bs=4k", ...timed]),
    fio(stage, "mapped", [...arena, "--ioengine=mmap", "--rw=randrw", "--bs=4k", ...timed]),
  ]);
  let stop = false;
  jobs.finally(() => stop = true).catch(() => {});
  const stirring = stir(rig, stage.settings.seed, () => !stop);
  await together([jobs, stirring]);
  stage.figure("moves, discards and zeroes meanwhile", await stirring, "");
  await readSectors(rig.file, 0, ARENA_SECTORS);
  await checkQuiet(rotten);
}

/** ext4, with programs that verify what they have written, while its sectors move. */
async function servesAFileSystem(stage: StageRun, scope: Scope): Promise<void> {
  const rotten = await makeRottenRig(stage, scope, { mainSectors: 131_072 });
  const { rig } = rotten;
  const folder = join(stage.workdir, "verified");
  await Deno.mkdir(folder);
  scope.defer(folder, () => Deno.remove(folder));
  await runProgram("mkfs.ext4", ["-q", "-F", "-b", "1024", rig.device.path]);
  await runProgram("mount", ["-t", "ext4", "-o", "discard", rig.device.path, folder]);
  let mounted = true;
  const umount = async () => {
    if (mounted) await runProgram("umount", [folder]);
    mounted = false;
  };
  scope.defer(`the mount on ${folder}`, umount);
  const files = ["--size=2m", `--directory=${folder}`, "--verify=crc32c", "--verify_fatal=1"];
  const rounds = ["--rw=randwrite", "--bs=1k", "--end_fsync=1", ...files];
  const jobs = inBackground([
    fio(stage, "direct-file", [...rounds, "--direct=1", "--ioengine=libaio", "--iodepth=8"]),
    fio(stage, "buffered-file", [...rounds, "--ioengine=psync"]),
    fio(stage, "mapped-file", [...rounds, "--ioengine=mmap"]),
  ]);
  let stop = false;
  jobs.finally(() => stop = true).catch(() => {});
  await together([jobs, moveAround(rig, stage.settings.seed, () => !stop)]);
  await runProgram("fstrim", [folder]);
  await umount();
  await runProgram("e2fsck", ["-f", "-n", rig.device.path]);
  await readSectors(rig.file, 0, 65_536);
  await checkQuiet(rotten);
}

async function moveAround(rig: Rig, seed: number, goesOn: () => boolean): Promise<void> {
  const random = new Random(seed);
  while (goesOn()) {
    const count = random.pick([2, 16, 64]);
    const first = random.below(rig.length - count);
    const full = rig.status().remapped > 1000n;
    await rig.send(full ? "clear" : `remap ${first} ${count}`);
    // The writers have to get on, too, on a slow machine.
    await pause(20);
  }
}

/** What is known is counted: blocks that were written, and nothing that has changed otherwise. */
async function countsWhatItKnows(stage: StageRun, scope: Scope): Promise<void> {
  const { rig } = await makeRottenRig(stage, scope);
  await checkStat(rig, "verify_blocks", 0n);
  await checkStat(rig, "verify_memory_bytes", 0n);
  await rig.write(0, 1000);
  await checkStat(rig, "verify_blocks", 1000n);
  await checkStat(rig, "verify_memory_bytes", 2n * 4096n);
  await rig.write(300, 400);
  await checkStat(rig, "verify_blocks", 1000n);
  await rig.file.discard(position(100), position(100));
  await checkStat(rig, "verify_blocks", 900n);
  await rig.file.zeroout(position(150), position(100));
  // Where a disk cannot zero by itself the kernel writes zeros, which are known.
  const known = await stat(rig, "verify_blocks");
  check("blocks known once zeroed", known === 850n || known === 950n, {
    expected: "850, or 950 where zeros are written",
    seen: known,
  });
  await rig.relocate(600, 10);
  await checkStat(rig, "verify_blocks", known);
  checkEqual("unmap by force", await rig.send("unmap 600 10 force"), "cleared=10 kept=0");
  await checkStat(rig, "verify_blocks", known - 10n);
  await rig.write(0, rig.length);
  await checkStat(rig, "verify_blocks", BigInt(rig.length));
  await checkStat(rig, "verify_memory_bytes", BigInt(rig.length * 8));
  await rig.check("all of it");
}

/** Whether the kernel keeps pages as they are while they are written to a device. */
async function wantsStablePages(rig: Rig): Promise<boolean> {
  const rdev = (await Deno.stat(rig.device.path)).rdev ?? 0;
  const [major, minor] = [rdev >> 8 & 0xfff, rdev & 0xff | rdev >> 12 & 0xfff00];
  const text = await Deno.readTextFile(`/sys/dev/block/${major}:${minor}/queue/stable_writes`);
  return text.trim() === "1";
}

async function asksForStablePages(stage: StageRun, scope: Scope): Promise<void> {
  const features = VERIFYING.filter((feature) => feature !== "verify_reads");
  const plain = await makeRottenRig(stage, scope, { features });
  checkEqual("stable pages without verify_reads", await wantsStablePages(plain.rig), false);
  const verifying = await makeRottenRig(stage, scope);
  checkEqual("stable pages with it", await wantsStablePages(verifying.rig), true);
}

const LIMIT = "/sys/module/dm_remap/parameters/verify_memory_mib";

async function staysWithinItsMemory(stage: StageRun, scope: Scope): Promise<void> {
  const before = await Deno.readTextFile(LIMIT);
  scope.defer(LIMIT, () => Deno.writeTextFile(LIMIT, before));
  const { rig, main } = await makeRottenRig(stage, scope);
  await rig.write(0, 100);
  await Deno.writeTextFile(LIMIT, "0");
  await rig.write(0, 1024);
  await checkStat(rig, "verify_memory_bytes", 4096n);
  await checkStat(rig, "verify_blocks", 512n);
  await rig.check("what is known and what is not", 0, 1024);
  await main.flip(700);
  await readSectors(rig.file, 700, 1);
  await main.flip(100);
  await checkUnreadable(rig, 100, 1);
  await Deno.writeTextFile(LIMIT, "1");
  await rig.write(0, 1024);
  await checkStat(rig, "verify_blocks", 1024n);
  await rig.check("all of it, known again", 0, 1024);
}

export const QUIET: readonly VerifyCase[] = [
  { name: "what is known, and the memory for it, is counted", run: countsWhatItKnows },
  { name: "more than verify_memory_mib is not taken", run: staysWithinItsMemory },
  { name: "pages stay as they are while they are written", run: asksForStablePages },
  { name: "a buffer that changes while it is written", run: takesWhatProgramsDo },
  { name: "rot that is written over while it is read", run: looksAtWhatIsThereNow },
  { name: "writers, readers, moves, discards over each other", run: letsEverybodyCollide },
  { name: "ext4 with direct, buffered and mapped files", run: servesAFileSystem },
];
