// SPDX-License-Identifier: GPL-2.0-only
// Large logical blocks and partitions: what is relocated is a whole block, and the right one.
import { checkEqual } from "../../check.ts";
import { type LoopDisk, makeLoop } from "../../loops.ts";
import { run } from "../../programs.ts";
import type { Range } from "../../rig.ts";
import type { Scope } from "../../scope.ts";
import type { ErrorsBench, ErrorsPart } from "./bench.ts";
import { exists, until } from "./here.ts";
import { NullDisk } from "./null_disk.ts";
import { checkAround, checkCounts, checkPlaces, readFails, write } from "./requests.ts";

async function relocatesWholeBlocks(bench: ErrorsBench): Promise<void> {
  const main = await NullDisk.make(bench.scope, { blockSize: 4096 });
  const spare = await bench.segments("spare", bench.loops.spare);
  const rig = await bench.rigOver({ main, spare });
  // One sector of 512 bytes spoils its block.
  await main.fail([{ first: 803, count: 1 }, { first: 1000, count: 16 }]);
  await write(rig, 800, 8);
  await checkPlaces(rig, 792, 24, "792+8 main, 800+8 remapped, 808+8 main");
  checkCounts("after one bad block", rig, { remapped: 8, spareUsed: 8, autoRemaps: 8 });
  await write(rig, 896, 128);
  await checkPlaces(rig, 896, 128, "896+104 main, 1000+16 remapped, 1016+8 main");
  checkCounts("after 64 KiB over two more", rig, { remapped: 24, spareUsed: 24, autoRemaps: 24 });
  await rig.check("everything");
}

async function losesWholeBlocks(bench: ErrorsBench): Promise<void> {
  const main = await NullDisk.make(bench.scope, { blockSize: 4096 });
  const spare = await bench.segments("spare", bench.loops.spare);
  const rig = await bench.rigOver({ main, spare });
  await main.fail([{ first: 803, count: 1 }]);
  await readFails(rig, 768, 128);
  await checkPlaces(rig, 792, 24, "792+8 main, 800+8 pending, 808+8 main");
  checkCounts("after a bad block was read", rig, { pending: 8, lost: 8, spareUsed: 0 });
  await rig.check("the blocks before it", 0, 800);
  await rig.check("the blocks behind it", 808, rig.length - 808);
  await main.heal();
  await rig.check("everything once it can be read");
  checkCounts("then", rig, { pending: 0, lost: 0, spareUsed: 0 });
}

async function worksOnLoopsOf4096(bench: ErrorsBench): Promise<void> {
  const loop = await makeLoop(bench.scope, bench.workdir, { sectors: 2048, blockSize: 4096 });
  const main = await bench.segments("main", loop);
  const spare = await bench.segments("spare", bench.loops.spare);
  const rig = await bench.rigOver({ main, spare }, { spareStart: 24, spareLength: 400 });
  await main.fail([{ first: 96, count: 8 }, { first: 1024, count: 8 }]);
  await write(rig, 64, 128);
  await readFails(rig, 1024, 8);
  checkCounts("after a bad block of each kind", rig, {
    ...{ remapped: 8, spareUsed: 8, pending: 8, lost: 8 },
  });
  await write(rig, 1000, 64);
  checkCounts("after a write over the other", rig, { remapped: 16, spareUsed: 16, lost: 0 });
  await rig.check("everything");
}

/** An odd place, so that a sector of the disk is never one of the partition by chance. */
const PARTITION = { first: 1001, count: 2048 };

/** A partition, told to the kernel alone: the disk needs no table for it. */
export async function makePartition(
  scope: Scope,
  disk: LoopDisk,
  { first, count }: Range = PARTITION,
): Promise<LoopDisk> {
  await run("addpart", [disk.path, "1", `${first}`, `${count}`]);
  const separator = /\d$/.test(disk.name) ? "p" : "";
  const name = `${disk.name}${separator}1`;
  const path = `/dev/${name}`;
  scope.defer(path, async () => void await run("delpart", [disk.path, "1"]));
  await until(path, () => exists(path));
  return { path, name, sectors: count, blockSize: disk.blockSize };
}

async function worksOnPartitions(bench: ErrorsBench): Promise<void> {
  const disk = await NullDisk.make(bench.scope, { mebibytes: 2 });
  const main = await makePartition(bench.scope, disk);
  const spare = await bench.segments("spare", bench.loops.spare);
  const rig = await bench.rigOver({ main, spare }, { mainStart: 3, length: 2000 });
  // As the disk counts them: sectors 300, 400 and 417 of the target.
  const offset = PARTITION.first + 3;
  const bad = [300, 400, 417].map((sector) => ({ first: offset + sector, count: 1 }));
  await disk.fail(bad);
  await write(rig, 296, 8);
  await checkPlaces(rig, 296, 8, "296+4 main, 300+1 remapped, 301+3 main");
  await readFails(rig, 384, 64);
  await checkPlaces(
    rig,
    384,
    64,
    "384+16 main, 400+1 pending, 401+16 main, 417+1 pending, 418+30 main",
  );
  checkCounts("after two requests", rig, { remapped: 1, lost: 2, pending: 2, spareUsed: 1 });
  await checkAround("all but the pending sectors", rig, [400, 417]);
  await write(rig, 384, 64);
  checkCounts("after a write over those", rig, { remapped: 3, lost: 0, spareUsed: 3 });
  await rig.check("everything");
  await disk.heal();
  await rig.check("everything although the disk has healed");
  checkEqual("clear", await rig.send("clear"), "cleared=3 kept=0");
  await rig.checkMain("everything", rig.content);
}

async function sparesOnPartitions(bench: ErrorsBench): Promise<void> {
  const disk = await NullDisk.make(bench.scope, { mebibytes: 2 });
  const spare = await makePartition(bench.scope, disk);
  const main = await bench.segments("main", bench.loops.main);
  const rig = await bench.rigOver({ main, spare }, { spareStart: 8, spareLength: 256 });
  await main.fail([{ first: 300, count: 1 }]);
  await disk.fail([{ first: PARTITION.first + 8, count: 64 }]);
  await write(rig, 290, 20);
  const bad = Number(rig.status().spareBad);
  checkCounts("after slots on a partition refused", rig, { remapped: 1, spareUsed: 1 + bad });
  await rig.check("everything");
}

export const GEOMETRY: ErrorsPart = {
  name: "9 blocks and partitions",
  cases: [
    { name: "blocks of 4096 bytes: relocated whole", run: relocatesWholeBlocks },
    { name: "blocks of 4096 bytes: pending whole", run: losesWholeBlocks },
    { name: "blocks of 4096 bytes on a loop device", run: worksOnLoopsOf4096 },
    { name: "main on a partition", run: worksOnPartitions },
    { name: "the spare on a partition", run: sparesOnPartitions },
  ],
};
