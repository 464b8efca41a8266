// SPDX-License-Identifier: GPL-2.0-only
//
// What suites for block devices try (blktests' block and dm groups, the device mapper's own), in our
// words: those are not among Debian's packages.
import { check, checkEqual } from "../../../cli/selftest/check.ts";
import { toTarget } from "../../../cli/device/table_line.ts";
import { DirectFile } from "../../../ffi/direct_file.ts";
import { run } from "../../suite/guest/process.ts";
import { progress } from "../../suite/guest/records.ts";
import { BLOCK_SECTORS, BLOCK_SPARE_SECTORS } from "../layout.ts";
import { checkContentOf, fillWithContent } from "./content.ts";
import { Remapped } from "./remapped.ts";
import { chosenCases, dropCaches, type PartContext, sleep, StepFailed } from "./steps.ts";

const NAME = "block";
const MIB = 2 ** 20;
const RELOCATED = { step: 509, count: 150 } as const;
const CONTENT_MIB = 4;
/** include/linux/blkdev.h: BLKDEV_MIN_RQ. */
const LEAST_REQUESTS = 4;

const fio = (...args: readonly string[]) =>
  run("fio", "--output-format=terse", "--thread", "--direct=1", "--randseed=1", ...args);

interface Scene {
  readonly context: PartContext;
  readonly disk: Remapped;
}

const relocated = () =>
  Array.from({ length: RELOCATED.count }, (_, i) => ({
    first: BigInt(7 + i * RELOCATED.step),
    count: 1n,
  }));

/**
 * From somebody who may not wait, in more parts than the disk has room for: what has none at once
 * is told to the sender of its parts (BLK_STS_AGAIN), and must not be passed on.
 */
async function largeByUring({ disk }: Scene): Promise<void> {
  const job = ["--name=large", "--ioengine=io_uring", "--iodepth=8", "--size=16m"];
  const room = await queueFile(disk.options.main, "nr_requests");
  const before = await Deno.readTextFile(room);
  await Deno.writeTextFile(room, `${LEAST_REQUESTS}`);
  try {
    for (const [rw, bs] of [["write", "1m"], ["randwrite", "768k"], ["read", "1m"]]) {
      await fio(...job, `--filename=${disk.path}`, `--rw=${rw}`, `--bs=${bs}`);
    }
  } finally {
    await Deno.writeTextFile(room, before);
  }
  checkEqual("relocated sectors", disk.counters().remapped, RELOCATED.count);
}

/** The same while sectors in their way go to the spare and back. */
async function uringWhileMoving({ disk, context: { full } }: Scene): Promise<void> {
  const load = fio(
    ...["--name=load", "--ioengine=io_uring", "--iodepth=8", "--rw=randwrite", "--bs=256k"],
    ...[
      "--verify=crc32c",
      "--verify_fatal=1",
      `--loops=${full ? 4 : 2}`,
      "--size=16m",
      `--filename=${disk.path}`,
    ],
  );
  await moveToAndFro(disk, 0, full ? 10 : 5);
  await load;
  checkEqual("relocated sectors", disk.counters().remapped, RELOCATED.count);
}

/** Twenty relocated sectors go back to main and to the spare again, so many times. */
async function moveToAndFro(
  { device }: Remapped,
  from: number,
  rounds: number,
  before: (round: number) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const sectors = relocated().filter(({ first }) => first >= BigInt(from)).slice(0, 20);
  for (let round = 0; round < rounds; round++) {
    await before(round);
    await device.unmap(sectors);
    await device.remap(sectors);
  }
}

async function queueFile(disk: string, name: string): Promise<string> {
  const { rdev } = await Deno.stat(disk);
  const number = `${(rdev ?? 0) >> 8}:${(rdev ?? 0) & 0xff}`;
  return `/sys/dev/block/${number}/queue/${name}`;
}

const limit = async (disk: string, name: string) =>
  Number(await Deno.readTextFile(await queueFile(disk, name)));

/** block/003: discards of all sizes. Relocations stay, and so does what was not discarded. */
async function discards({ disk, context: { full } }: Scene): Promise<void> {
  const main = "/dev/lab/block";
  for (const name of ["logical_block_size", "physical_block_size", "discard_granularity"]) {
    checkEqual(name, await limit(disk.path, name), await limit(main, name));
  }
  check("discards", await limit(disk.path, "discard_max_bytes") > 0, { expected: "some", seen: 0 });
  await fillWithContent(disk.path, CONTENT_MIB);
  const free = [`--offset=${CONTENT_MIB}m`, `--size=${full ? 24 : 12}m`];
  const trim = ["--name=trim", "--rw=randtrim", "--bsrange=4k-4m", "--norandommap"];
  await fio(...trim, `--filename=${disk.path}`, ...free, `--number_ios=${full ? 150 : 60}`);
  checkEqual("relocated sectors", disk.counters().remapped, RELOCATED.count);
  await checkContentOf(disk.path, CONTENT_MIB);
  // Discarded relocated sectors can be written and read.
  await fio(
    "--name=again",
    "--rw=write",
    "--bs=128k",
    "--verify=crc32c",
    `--filename=${disk.path}`,
    ...free,
  );
}

/** Zeroes go to where the sectors are: they are read as zeroes then. */
async function zeroes({ disk }: Scene): Promise<void> {
  await fillWithContent(disk.path, CONTENT_MIB);
  // From the middle of it to its end, but for a sector at either side.
  const [offset, length] = [2 * MIB + 512, 2 * MIB - 1024];
  await run("blkdiscard", "-z", "-o", `${offset}`, "-l", `${length}`, disk.path);
  await dropCaches();
  using file = DirectFile.open(disk.path);
  const bytes = await file.read(BigInt(offset), length);
  const words = new BigUint64Array(bytes.buffer, bytes.byteOffset, length / 8);
  checkEqual("eight bytes that are not zero", words.findIndex((word) => word !== 0n), -1);
  for (const sector of [offset - 512, offset + length]) {
    const beside = await file.read(BigInt(sector), 512);
    checkEqual(`zeroes beside, at ${sector}`, beside.every((byte) => byte === 0), false);
  }
}

/** block/004: little else than flushes. */
async function flushes({ disk, context: { full } }: Scene): Promise<void> {
  const jobs = ["--name=flush", "--rw=randwrite", "--bs=4k", "--fsync=1", "--numjobs=16"];
  const size = ["--size=16m", `--number_ios=${full ? 256 : 16}`, "--norandommap"];
  await fio(...jobs, ...size, `--filename=${disk.path}`);
}

/** block/042: memory that begins anywhere within a page, a request in many pieces. */
async function oddMemory({ disk, context: { full } }: Scene): Promise<void> {
  for (const align of [512, 1536, 2048]) {
    const memory = [`--iomem_align=${align}`, "--ioengine=libaio", "--iodepth=4"];
    const job = ["--name=odd", "--bsrange=512-64k", "--verify=md5", `--size=${full ? 4 : 2}m`];
    await fio(...job, ...memory, "--rw=write", `--filename=${disk.path}`);
  }
}

/** block/008: CPUs go and come under I/O, while sectors move: what each CPU counts is not lost. */
async function processors({ disk, context: { full } }: Scene): Promise<void> {
  await fillWithContent(disk.path, CONTENT_MIB);
  const online = "/sys/devices/system/cpu/cpu1/online";
  const load = fio(
    ...["--name=load", "--ioengine=libaio", "--iodepth=8", "--rw=randwrite", "--bs=4k"],
    ...["--verify=crc32c", "--verify_fatal=1", `--loops=${full ? 3 : 1}`],
    ...[`--offset=${CONTENT_MIB}m`, "--size=6m", `--filename=${disk.path}`],
  );
  try {
    const turn = (round: number) => Deno.writeTextFile(online, `${round % 2}`);
    await moveToAndFro(disk, CONTENT_MIB * 2048, full ? 6 : 4, turn);
  } finally {
    await Deno.writeTextFile(online, "1");
    await load;
  }
  checkEqual("relocated sectors", disk.counters().remapped, RELOCATED.count);
  await checkContentOf(disk.path, CONTENT_MIB);
}

/** Suspended and resumed under I/O that verifies, with and without a flush of what is on its way. */
async function suspends({ disk, context: { dm, full } }: Scene): Promise<void> {
  let running = true;
  const load = fio(
    ...["--name=load", "--ioengine=libaio", "--iodepth=16", "--rw=randwrite", "--bs=4k"],
    ...[
      "--verify=crc32c",
      "--verify_fatal=1",
      "--loops=3",
      `--size=${full ? 8 : 3}m`,
      `--filename=${disk.path}`,
    ],
  ).finally(() => running = false);
  let rounds = 0;
  const least = full ? 200 : 20;
  while (running || rounds < least) {
    await dm.suspend(NAME, rounds % 2 === 0 ? {} : { noflush: true });
    await dm.resume(NAME);
    rounds++;
    await sleep(20);
  }
  await load;
  progress(`suspended ${rounds} times`);
}

/** dm/001: a device that lies on itself. */
async function itself({ disk, context: { dm } }: Scene): Promise<void> {
  const table = (main: string, spare: string) =>
    toTarget({
      start: 0n,
      length: BigInt(BLOCK_SECTORS),
      main,
      mainStart: 0n,
      spare,
      spareStart: 0n,
      spareLength: BigInt(BLOCK_SPARE_SECTORS),
      features: {},
    });
  const { main, spare } = disk.options;
  for (
    const [what, line] of [
      ["as its own main device", table(disk.path, spare)],
      ["as its own spare", table(main, disk.path)],
    ] as const
  ) {
    const refused = await dm.reload(NAME, [line]).then(() => false, () => true);
    if (!refused) await dm.clear(NAME);
    checkEqual(`${what}, it is refused`, refused, true);
  }
  await fillWithContent(disk.path, 1);
}

/** It is discarded as a whole, and goes on. What no disk has is refused. */
async function whole({ disk }: Scene): Promise<void> {
  await run("blkdiscard", "-f", disk.path);
  checkEqual("relocated sectors", disk.counters().remapped, RELOCATED.count);
  await fillWithContent(disk.path, CONTENT_MIB);
  await disk.again();
  await checkContentOf(disk.path, CONTENT_MIB);
}

const CASES: readonly (readonly [string, (scene: Scene) => Promise<void>])[] = [
  ["large requests by io_uring", largeByUring],
  ["requests by io_uring while sectors move", uringWhileMoving],
  ["limits of main, discards of all sizes", discards],
  ["zeroes", zeroes],
  ["flushes from 16 sides", flushes],
  ["memory at odd places", oddMemory],
  ["CPUs go and come under load", processors],
  ["suspended and resumed under load", suspends],
  ["a device on itself is refused", itself],
  ["discarded as a whole, and again in the next life", whole],
];

export async function blockPart(context: PartContext): Promise<void> {
  await using disk = await Remapped.create(context.dm, {
    name: NAME,
    main: await Deno.realPath("/dev/lab/block"),
    sectors: BLOCK_SECTORS,
    spare: await Deno.realPath("/dev/lab/block-spare"),
    spareSectors: BLOCK_SPARE_SECTORS,
  });
  await disk.device.remap(relocated());
  for (const [what, action] of chosenCases(CASES, ([name]) => name, context)) {
    // What has failed says nothing of the next case.
    await context.step(what, async () => {
      await action({ context, disk });
      disk.checkSums();
    }).catch((error) => {
      if (!(error instanceof StepFailed)) throw error;
    });
  }
}
