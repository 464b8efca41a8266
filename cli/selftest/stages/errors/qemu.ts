// SPDX-License-Identifier: GPL-2.0-only
// Disks with QEMU's faults: medium errors of NVMe and SCSI disks, I/O errors of virtio disks.
import { dirname } from "node:path";
import { check } from "../../check.ts";
import { position } from "../../content.ts";
import { type LoopDisk, readCounters } from "../../loops.ts";
import type { Rig } from "../../rig.ts";
import { type ErrorsBench, type ErrorsCase, type ErrorsPart, QUICK } from "./bench.ts";
import { makePartition } from "./geometry.ts";
import {
  AREA,
  BAD_BOTH,
  BAD_READS,
  BAD_WRITES,
  BAD_ZEROES,
  FAULT_DISKS,
  GUEST_SECTORS,
  ONCE_READ,
  ONCE_WRITE,
  PARTITION_WRITE,
  RESERVED,
  TARGET_FAILURE,
} from "./guest_disks.ts";
import { exists, missing } from "./here.ts";
import { readStat } from "./promises.ts";
import { checkCounts, checkPlaces, readFails, UNTOUCHED, write, writeFails } from "./requests.ts";

async function guestDisk(serial: string): Promise<LoopDisk> {
  const link = `/dev/lab/${serial}`;
  if (!exists(link)) throw missing(`the disk ${link} with QEMU's faults`);
  const path = await Deno.realPath(link);
  return { path, name: path.replace("/dev/", ""), sectors: GUEST_SECTORS, blockSize: 512 };
}

async function rigOn(bench: ErrorsBench, main: LoopDisk, features = QUICK): Promise<Rig> {
  const spare = await bench.segments("spare", bench.loops.spare);
  return await bench.rigOver({ main, spare }, { features, fill: false });
}

/** Only the area that a case looks at has a content that it knows. */
async function checkArea(what: string, rig: Rig, sector: number): Promise<void> {
  await rig.check(what, sector - sector % AREA, AREA);
}

async function movesWrites(bench: ErrorsBench, main: LoopDisk): Promise<void> {
  const rig = await rigOn(bench, main);
  await write(rig, 0, AREA);
  const [first, second] = BAD_WRITES;
  checkCounts("after a write over two bad sectors", rig, {
    ...{ remapped: 2, spareUsed: 2, autoRemaps: 2, lost: 0, pending: 0 },
    ...{ transportErrors: 0, readErrors: 0 },
  });
  await checkPlaces(
    rig,
    0,
    AREA,
    `0+${first} main, ${first}+1 remapped, ${first + 1}+${second - first - 1} main, ` +
      `${second}+1 remapped, ${second + 1}+${AREA - second - 1} main`,
  );
  await checkArea("what was written", rig, 0);
  await rig.checkMain("good sectors", rig.content, 0, first);
  await rig.checkMain("good sectors", rig.content, second + 1, AREA - second - 1);
  await write(rig, first - 5, 16, { dsync: true });
  await checkArea("a durable write over one of them", rig, 0);
}

async function failsReads(bench: ErrorsBench, main: LoopDisk): Promise<void> {
  const rig = await rigOn(bench, main);
  await write(rig, AREA, AREA);
  await readFails(rig, BAD_READS - 4, 8);
  await checkPlaces(
    rig,
    BAD_READS - 4,
    8,
    `${BAD_READS - 4}+4 main, ${BAD_READS}+1 pending, ${BAD_READS + 1}+3 main`,
  );
  checkCounts("after a failed read", rig, {
    ...{ remapped: 0, spareUsed: 0, pending: 1, lost: 1, readErrors: 1, transportErrors: 0 },
  });
  await rig.check("the sectors before it", AREA, BAD_READS - AREA);
  await rig.check("the sectors behind it", BAD_READS + 1, AREA - 101);
  await write(rig, BAD_READS - 4, 8);
  await checkArea("everything once it is written", rig, BAD_READS);
  checkCounts("after its write", rig, { remapped: 1, spareUsed: 1, pending: 0, lost: 0 });
}

async function verifiesWrites(bench: ErrorsBench, main: LoopDisk): Promise<void> {
  const rig = await rigOn(bench, main, [...QUICK, "pending_policy", "verify"]);
  await write(rig, AREA, BAD_READS - AREA);
  await readFails(rig, BAD_READS, 1);
  await write(rig, BAD_READS, 4);
  checkCounts("after a write that does not read back", rig, {
    ...{ remapped: 1, spareUsed: 1, pending: 0, lost: 0 },
  });
  await rig.check("what was written", AREA, BAD_READS + 4 - AREA);
}

async function movesBoth(bench: ErrorsBench, main: LoopDisk): Promise<void> {
  const rig = await rigOn(bench, main);
  await readFails(rig, BAD_BOTH, 1);
  await write(rig, 2 * AREA, AREA);
  await checkArea("everything once it is written", rig, BAD_BOTH);
  checkCounts("after both", rig, { remapped: 1, spareUsed: 1, pending: 0, lost: 0 });
}

/** The faults are gone once they have struck, so one case looks at both. */
async function retries(bench: ErrorsBench, main: LoopDisk): Promise<void> {
  const rig = await rigOn(bench, main, ["volatile", "retries", "3", "retry_delay_ms", "5"]);
  await write(rig, 3 * AREA, AREA);
  await checkArea("a write that failed once", rig, ONCE_WRITE);
  await write(rig, 4 * AREA, AREA);
  await checkArea("a read that failed once", rig, ONCE_READ);
  checkCounts("after transient faults", rig, UNTOUCHED);
}

async function movesZeroes(bench: ErrorsBench, main: LoopDisk): Promise<void> {
  const rig = await rigOn(bench, main);
  const before = await readCounters(main);
  await rig.file.zeroout(position(5 * AREA), position(AREA));
  const after = await readCounters(main);
  rig.content.set(5 * AREA, AREA, 0);
  await checkArea("zeroes", rig, BAD_ZEROES);
  checkCounts("after zeroes over a bad sector", rig, {
    ...{ remapped: 1, spareUsed: 1, pending: 0, lost: 0, transportErrors: 0 },
  });
  check("requests to main", after.writes > before.writes, {
    expected: "some",
    seen: after.writes - before.writes,
  });
}

async function movesOnAPartition(bench: ErrorsBench, disk: LoopDisk): Promise<void> {
  const first = 6 * AREA;
  const main = await makePartition(bench.scope, disk, { first, count: AREA });
  const rig = await rigOn(bench, main);
  await write(rig, 0, AREA);
  const bad = PARTITION_WRITE - first;
  await checkPlaces(rig, bad - 4, 8, `${bad - 4}+4 main, ${bad}+1 remapped, ${bad + 1}+3 main`);
  checkCounts("after a write", rig, { remapped: 1, spareUsed: 1, lost: 0 });
  await rig.check("everything");
}

/** The errno of a request tells what the disk said: EREMOTEIO, EBADE. */
async function sparesTheRest(bench: ErrorsBench, main: LoopDisk): Promise<void> {
  const rig = await rigOn(bench, main);
  for (const [sector, code] of [[TARGET_FAILURE, "EREMOTEIO"], [RESERVED, "EBADE"]] as const) {
    const before = await readStat(rig, "transport_errors");
    await writeFails(rig, sector, 1, code);
    await readFails(rig, sector, 1, code);
    checkCounts(`after ${code}`, rig, { ...UNTOUCHED, readErrors: 0, writeErrors: 0 });
    const errors = await readStat(rig, "transport_errors") - before;
    check(`transport_errors after ${code}`, errors >= 2, { expected: "2 or more", seen: errors });
  }
}

/** The PCI device that a disk is behind. */
async function pciDevice(name: string): Promise<string> {
  let folder = await Deno.realPath(`/sys/block/${name}/device`);
  while (!exists(`${folder}/vendor`) || !exists(`${folder}/remove`)) {
    if (folder === "/sys") throw missing(`the PCI device of ${name}`);
    folder = dirname(folder);
  }
  return folder;
}

/** Comes last: the disk is gone for the rest of this machine's life. */
async function isUnplugged(bench: ErrorsBench, main: LoopDisk): Promise<void> {
  const rig = await rigOn(bench, main);
  await write(rig, 0, AREA);
  const before = rig.status();
  await Deno.writeTextFile(`${await pciDevice(main.name)}/remove`, "1", { create: false });
  await writeFails(rig, 300, 8);
  await readFails(rig, 400, 8);
  await rig.check("what is on the spare", BAD_WRITES[0], 1);
  const { remapped, spareUsed } = before;
  checkCounts("with the disk gone", rig, {
    ...{ remapped: Number(remapped), spareUsed: Number(spareUsed), spareBad: 0 },
    ...{ lost: 0, pending: 0 },
  });
  const errors = await readStat(rig, "transport_errors");
  check("transport_errors", errors >= 1, { expected: "at least 1", seen: errors });
}

type DiskCase = (bench: ErrorsBench, disk: LoopDisk) => Promise<void>;

const EVERYWHERE: readonly (readonly [string, DiskCase])[] = [
  ["promise 1: writes over bad sectors", movesWrites],
  ["promise 3: a read of a bad sector", failsReads],
  ["verify: a sector that does not read back moves", verifiesWrites],
  ["promise 1: a sector that refuses both", movesBoth],
  ["promise 8: faults that pass use no slot", retries],
  ["promise 1: write-zeroes over a bad sector", movesZeroes],
  ["promise 5: main on a partition", movesOnAPartition],
];
const SCSI_ONLY: typeof EVERYWHERE = [
  ["promise 8: errors that are no medium's use no slot", sparesTheRest],
];
const PCI_ONLY: typeof EVERYWHERE = [
  ["promise 8: the disk is unplugged", isUnplugged],
];

function casesOf(serial: string, bus: string | undefined): ErrorsCase[] {
  const cases = [...EVERYWHERE, ...bus === "scsi" ? SCSI_ONLY : PCI_ONLY];
  return cases.map(([name, run]) => ({
    name: `${bus}: ${name}`,
    run: async (bench) => await run(bench, await guestDisk(serial)),
  }));
}

export const QEMU: ErrorsPart = {
  name: "14 disks with QEMU's faults",
  cases: FAULT_DISKS.flatMap(({ serial, bus }) => casesOf(serial, bus)),
};
