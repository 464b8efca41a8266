// SPDX-License-Identifier: GPL-2.0-only
// Disks of other kinds: sectors that cannot be read until they are written, and data with checksums.
import { DirectFile } from "../../../../ffi/direct_file.ts";
import { checkEqual } from "../../check.ts";
import { checkLost, position, readSectors } from "../../content.ts";
import type { LoopDisk } from "../../loops.ts";
import { makeMapped, target } from "../../mapped.ts";
import { SECTOR } from "../../pattern.ts";
import { type ErrorsBench, type ErrorsPart, QUICK } from "./bench.ts";
import { isDebugKernel, missing, notInThisKernel, useDriver } from "./here.ts";
import { checkCounts, checkPlaces, checkStat, readFails, UNTOUCHED, write } from "./requests.ts";

/** dm-dust: sectors that cannot be read until they are written. */
async function onDust(bench: ErrorsBench, features: readonly string[]) {
  const has = bench.dm.versions().some(({ name }) => name === "dust");
  if (!has) throw isDebugKernel() ? missing("dm-dust") : notInThisKernel("dm-dust");
  const { path, sectors, blockSize } = bench.loops.main;
  const line = target("dust", 0, sectors, `${path} 0 512`);
  const { name, path: dusty } = await makeMapped(bench.scope, bench.dm, "dust", [line]);
  const main = { path: dusty, sectors, blockSize, name: `dm-${bench.dm.info(name)?.minor}` };
  const spare = await bench.segments("spare", bench.loops.spare);
  const rig = await bench.rigOver({ main, spare }, { features });
  const send = (message: string) => bench.dm.message(name, 0n, message);
  return { rig, send };
}

async function relocatesDust(bench: ErrorsBench): Promise<void> {
  const { rig, send } = await onDust(bench, QUICK);
  await send("addbadblock 300");
  await send("enable");
  await readFails(rig, 296, 8);
  checkCounts("after a failed read", rig, { pending: 1, lost: 1, spareUsed: 0 });
  await write(rig, 300, 1);
  checkCounts("after its write", rig, { remapped: 1, pending: 0, lost: 0, spareUsed: 1 });
  await rig.check("everything");
}

async function rewritesDust(bench: ErrorsBench): Promise<void> {
  const { rig, send } = await onDust(bench, [...QUICK, "pending_policy", "verify"]);
  await send("addbadblock 300");
  await send("enable");
  await readFails(rig, 296, 8);
  await write(rig, 300, 1);
  checkCounts("after a write that healed it", rig, UNTOUCHED);
  await checkStat("after a write that healed it", rig, "recovered", 1);
  await rig.check("everything");
}

async function retriesDust(bench: ErrorsBench): Promise<void> {
  const features = ["volatile", "retries", "3", "retry_delay_ms", "1"];
  const { rig, send } = await onDust(bench, features);
  // Two writes fail, the third one heals the block.
  await send("addbadblock 300 2");
  await send("enable");
  await write(rig, 300, 1);
  checkCounts("after a write that took three tries", rig, UNTOUCHED);
  await rig.check("everything");
}

/** dm-integrity without a journal, and where on the disk it has put a sector of ours. */
async function onIntegrity(bench: ErrorsBench) {
  await useDriver(bench.scope, "dm-integrity");
  await useDriver(bench.scope, "crc32c_generic").catch(() => {});
  const { loops } = bench;
  // It takes a disk that begins with zeroes for a new one.
  await zero(loops.main);
  const sectors = 1024;
  const line = `${loops.main.path} 0 4 D 1 internal_hash:crc32c`;
  const table = target("integrity", 0, sectors, line);
  const { name, path } = await makeMapped(bench.scope, bench.dm, "integrity", [table]);
  const main: LoopDisk = {
    ...{ path, sectors, blockSize: 512 },
    name: `dm-${bench.dm.info(name)?.minor}`,
  };
  const spare = await bench.segments("spare", loops.spare);
  return await bench.rigOver({ main, spare });
}

async function zero(disk: LoopDisk): Promise<void> {
  using file = DirectFile.open(disk.path, { write: true });
  await file.write(0n, new Uint8Array(8 * SECTOR));
  await file.flush();
}

/** The disk is searched for the first sector with these bytes. */
async function findOn(disk: DirectFile, sectors: number, bytes: Uint8Array): Promise<number> {
  for (let sector = 0; sector < sectors; sector++) {
    const here = await readSectors(disk, sector, 1);
    if (here.every((byte, index) => byte === bytes[index])) return sector;
  }
  throw missing("a sector of ours below dm-integrity");
}

async function takesBadChecksums(bench: ErrorsBench): Promise<void> {
  const rig = await onIntegrity(bench);
  const { path, sectors } = bench.loops.main;
  const disk = bench.scope.use(path, DirectFile.open(path, { write: true }));
  const place = await findOn(disk, sectors, await readSectors(rig.main, 300, 1));
  await disk.write(position(place), new Uint8Array(SECTOR).fill(0x5a));
  await checkLost("a sector whose checksum is wrong", rig.file, 300, 1);
  await checkPlaces(rig, 299, 3, "299+1 main, 300+1 pending, 301+1 main");
  checkCounts("after a wrong checksum", rig, { pending: 1, lost: 1, spareUsed: 0, readErrors: 1 });
  await rig.check("the sectors before it", 0, 300);
  await write(rig, 300, 1);
  checkCounts("after its write", rig, { remapped: 1, pending: 0, lost: 0, spareUsed: 1 });
  await rig.check("everything");
  checkEqual("its errors as writes", rig.status().writeErrors, 0n);
}

export const DRIVERS: ErrorsPart = {
  name: "12 other disks",
  cases: [
    { name: "dm-dust: relocate what cannot be read", run: relocatesDust },
    { name: "dm-dust, verify: a write that heals it stays", run: rewritesDust },
    { name: "dm-dust: a write that succeeds in the end", run: retriesDust },
    { name: "promise 3: dm-integrity, a wrong checksum", run: takesBadChecksums },
  ],
};
