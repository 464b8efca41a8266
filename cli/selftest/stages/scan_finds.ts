// SPDX-License-Identifier: GPL-2.0-only
// What a scan reads, and what it finds.
import { check, checkEqual } from "../check.ts";
import { position } from "../content.ts";
import { SECTOR } from "../pattern.ts";
import { together } from "../tasks.ts";
import {
  type ScanBench,
  type ScanCase,
  sectorsRead,
  SHORT,
  SPARE_SECTORS,
  STEP,
} from "./scan_bench.ts";

/** Alone, at the edges of a large read and of a part of it, and at both ends of the device. */
const BAD = [
  { first: 0, count: 1 },
  { first: 127, count: 2 },
  { first: 900, count: 70 },
  { first: STEP - 1, count: 2 },
  { first: 2 * STEP + 9, count: 1 },
  { first: SHORT - 3, count: 3 },
];

async function readsEverything(bench: ScanBench): Promise<void> {
  const scans = await bench.rig({ length: SHORT });
  const { rig } = scans;
  const before = [await sectorsRead(rig.disks.main), await sectorsRead(rig.disks.spare)];
  await scans.finds("a healthy device", []);
  const [main, spare] = [await sectorsRead(rig.disks.main), await sectorsRead(rig.disks.spare)];
  checkEqual("sectors read of main", main - before[0]!, SHORT);
  checkEqual("sectors read of the spare", spare - before[1]!, 0);
  checkEqual("scan_progress", rig.status().scanProgressPercent, 100);
}

async function findsBadSectors(bench: ScanBench): Promise<void> {
  const scans = await bench.rig({ length: SHORT, faults: true });
  const { rig } = scans;
  await rig.badMain(BAD);
  await scans.finds("bad sectors on main", BAD);
  const status = rig.status();
  checkEqual("pending in the status", status.pending, 79n);
  checkEqual("lost in the status", status.lost, 79n);
  checkEqual("slots taken", status.spareUsed, 0n);
  checkEqual("errors of I/O from above", [status.readErrors, status.writeErrors], [0n, 0n]);
  await rig.check("content between them", 970, STEP - 971);
  await scans.finds("the same again", BAD);
}

async function clearsWhatReadsAgain(bench: ScanBench): Promise<void> {
  const scans = await bench.rig({ length: SHORT, faults: true });
  const { rig } = scans;
  await rig.badMain(BAD);
  await scans.finds("bad sectors", BAD);
  await rig.badMain(BAD.slice(0, 1));
  await scans.finds("after all but the first have healed", BAD.slice(0, 1));
  checkEqual("recovered", await scans.counter("recovered"), 78n);
  await rig.badMain([]);
  await scans.finds("after all have healed", []);
  checkEqual("recovered in the end", await scans.counter("recovered"), 79n);
  await rig.check("content after all have healed");
}

async function readsARangeOnly(bench: ScanBench): Promise<void> {
  const scans = await bench.rig({ length: SHORT, faults: true });
  const { rig } = scans;
  await rig.badMain(BAD);
  const before = await sectorsRead(rig.disks.main);
  const scan = await scans.whole(128, 899);
  checkEqual("sectors found", scan.errors, 1n);
  checkEqual("position at the end", scan.position, 900n);
  checkEqual("pending", (await rig.places(128, 772)).map(({ place, count }) => [place, count]), [
    ["pending", 1n],
    ["main", 771n],
  ]);
  const read = await sectorsRead(rig.disks.main) - before;
  check("sectors read of main", read < STEP, { expected: "few more than asked for", seen: read });
}

async function readsSlots(bench: ScanBench): Promise<void> {
  const scans = await bench.rig({ length: SHORT, faults: true });
  const { rig } = scans;
  await rig.relocate(100, 40);
  await rig.relocate(4000, 1);
  const slots = (await rig.places(100, 40))[0]!.spareSector!;
  const before = [await sectorsRead(rig.disks.main), await sectorsRead(rig.disks.spare)];
  await scans.finds("good slots", []);
  const [main, spare] = [await sectorsRead(rig.disks.main), await sectorsRead(rig.disks.spare)];
  checkEqual("sectors read of main", main - before[0]!, SHORT - 41);
  checkEqual("sectors read of the spare", spare - before[1]!, 41);
  await rig.badMain([{ first: 100, count: 40 }, { first: 4000, count: 1 }]);
  await scans.finds("main is bad where sectors are relocated", []);
  await rig.badSpare([{ first: Number(slots) + 7, count: 2 }]);
  await scans.finds("bad slots", [{ first: 107, count: 2 }], "lost");
  checkEqual("lost in the status", rig.status().lost, 2n);
  await rig.badSpare([]);
  await scans.finds("slots that read again", [], "lost");
  await rig.check("content in slots that read again");
}

async function passesOverLost(bench: ScanBench): Promise<void> {
  const scans = await bench.rig({ length: SHORT, faults: true });
  const { rig } = scans;
  const lost = [{ first: 50, count: 3 }, { first: SHORT - 2, count: 2 }];
  await rig.badMain(lost);
  for (const { first, count } of lost) await rig.relocate(first, count, count);
  const before = await sectorsRead(rig.disks.spare);
  const scan = await scans.whole();
  checkEqual("state", scan.state, "done");
  checkEqual("sectors found", scan.errors, 0n);
  checkEqual("reads of slots without content", await sectorsRead(rig.disks.spare) - before, 0);
  checkEqual("lost in the status", rig.status().lost, 5n);
}

async function roundsToBlocks(bench: ScanBench): Promise<void> {
  const scans = await bench.rig({ faults: true }, await bench.blockDisks());
  const { rig } = scans;
  await rig.badMain([{ first: 16, count: 8 }]);
  const scan = await scans.until("its end", (now) => now.state === "idle").then(() => {
    return rig.send("scan 19 20");
  });
  check("the reply", scan.includes(" start=16 end=23 "), {
    expected: "start=16 end=23",
    seen: scan,
  });
  const done = await scans.until("the end of the scan", ({ state }) => state === "done");
  checkEqual("sectors found", done.errors, 8n);
  await scans.finds("a bad block", [{ first: 16, count: 8 }]);
}

/** With checksums, a sector that gives other data than was written is as bad as an unreadable one. */
async function findsRot(bench: ScanBench): Promise<void> {
  const scans = await bench.rig({ length: SHORT, features: ["volatile", "verify_reads"] });
  const { rig } = scans;
  await rig.write(96, 16);
  await scans.finds("before anything rots", []);
  const rot = new Uint8Array(2 * SECTOR).fill(0x5a);
  // What was not written since the device was made has no checksum.
  for (const sector of [100, 500]) await rig.main.write(position(sector), rot);
  await scans.finds("after two sectors have rotted", [{ first: 100, count: 2 }]);
  checkEqual("verify_errors", rig.status().verifyErrors, 2n);
  await rig.write(100, 2);
  await scans.finds("after they were written again", []);
  await rig.check("content of all that was written", 96, 16);
}

async function blamesADeadDevice(bench: ScanBench): Promise<void> {
  const scans = await bench.rig({ length: SHORT, faults: true });
  const { rig } = scans;
  await rig.badMain([{ first: 0, count: rig.disks.main.sectors }]);
  const scan = await scans.whole();
  checkEqual("state", scan.state, "failed");
  checkEqual("sectors found", scan.errors, 0n);
  checkEqual("pending", rig.status().pending, 0n);
  const errors = await scans.counter("transport_errors");
  check("transport_errors", errors > 0n, { expected: "some", seen: errors });
  await rig.badMain([]);
  await scans.finds("the device is back", []);
}

/** Nothing that moves under a scan is taken for bad. */
async function bearsMoves(bench: ScanBench): Promise<void> {
  const scans = await bench.rig({ length: SHORT });
  const { rig } = scans;
  let moving = true;
  const scanning = async () => {
    for (let done = 0; moving || done === 0; done++) {
      const scan = await scans.whole();
      checkEqual("a scan under moves", [scan.state, scan.errors], ["done", 0n]);
    }
  };
  const moves = async () => {
    try {
      for (let round = 0; round < 12; round++) {
        await rig.send(`remap ${round * 600} ${SPARE_SECTORS / 2}`);
        await rig.write(round * 600 + 5, 40);
        await rig.send("clear");
      }
    } finally {
      moving = false;
    }
  };
  await together([scanning(), moves()]);
  const { pending, lost, spareBad } = rig.status();
  checkEqual("pending, lost, bad slots", [pending, lost, spareBad], [0n, 0n, 0n]);
  await rig.check("content after moves under scans");
}

export const FINDING_CASES: readonly ScanCase[] = [
  { name: "reads all of main, once, and nothing else", run: readsEverything },
  { name: "finds exactly the bad sectors of main", run: findsBadSectors },
  { name: "clears pending sectors that read again", run: clearsWhatReadsAgain },
  { name: "reads a part and no more", run: readsARangeOnly },
  { name: "reads slots where sectors are relocated", run: readsSlots },
  { name: "passes over lost sectors", run: passesOverLost },
  { name: "rounds to whole blocks", run: roundsToBlocks },
  { name: "finds what is not as it was written, with verify_reads", run: findsRot },
  {
    name: "a device that answers nowhere fails the scan and marks nothing",
    run: blamesADeadDevice,
  },
  { name: "bears relocations, moves back and writes", run: bearsMoves },
];
