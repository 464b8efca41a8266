// SPDX-License-Identifier: GPL-2.0-only
//
// The program inside the guest: each disk, one after the other.
import { parseArgs } from "node:util";
import { scanMessage } from "../../cli/device/messages.ts";
import { loadModule } from "../../cli/kmod/load.ts";
import { check, checkEqual, checkMatch } from "../../cli/selftest/check.ts";
import type { Digests } from "../../cli/selftest/stages/real_files.ts";
import { DeviceMapper } from "../../ffi/libdevmapper.ts";
import { run } from "../suite/guest/process.ts";
import { progress } from "../suite/guest/records.ts";
import { steps, tellFailure } from "../suite/guest/steps.ts";
import { BadDisk } from "./bad_disk.ts";
import { collectFiles, useFileSystem } from "./file_system.ts";
import { type BadBlock, describe, type Layout, LAYOUTS, MAIN_SECTORS, strikes } from "./layout.ts";
import { clearKeeps, pairOfBlocks, readAll, rewritten, withoutScan } from "./raw.ts";
import { touched, WriteTrace } from "./written.ts";

const SCAN_SECONDS = 300;

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    disk: { type: "string", multiple: true, default: [] },
  },
});

async function scan({ device }: BadDisk): Promise<number> {
  await device.send(scanMessage({ start: 0n, end: BigInt(MAIN_SECTORS - 1) }));
  for (const started = performance.now(); performance.now() < started + SCAN_SECONDS * 1000;) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    const reply = await device.send(scanMessage("status"));
    const [, state = "", errors = ""] = checkMatch(
      "the status of the scan",
      reply,
      /^scan=(\w+) progress=\d+% .*errors=(\d+)/,
    );
    if (state === "running") continue;
    checkEqual("the scan's end", state, "done");
    return Number(errors);
  }
  throw new Error(`the scan did not end in ${SCAN_SECONDS} s`);
}

/** Everything unreadable is known afterwards, and nothing was allocated for it. */
async function findUnreadable(disk: BadDisk): Promise<void> {
  const { layout, bad } = disk;
  const relocated = new Set(await disk.blocksIn(["remapped"]));
  const wanted = bad.filter(({ sector, fault }) => strikes(fault, "read") && !relocated.has(sector))
    .map(({ sector }) => sector);
  const before = disk.counters();
  if (layout.finds === "reads") await readAll(disk);
  else checkEqual("sectors that the scan found", await scan(disk), wanted.length * layout.unit);
  const after = disk.counters();
  checkEqual("pending blocks", await disk.blocksIn(["pending"]), wanted);
  const sectors = wanted.length * layout.unit;
  checkEqual("pending and lost sectors", [after.pending, after.lost], [sectors, sectors]);
  checkEqual("slots taken", after.spareUsed, before.spareUsed);
}

/** What the file system had to do with of the bad blocks: relocated. The others: as they were. */
async function settle(disk: BadDisk, written: readonly BadBlock[] | undefined): Promise<void> {
  const { unit } = disk.layout;
  if (written === undefined) {
    const relocated = new Set(await disk.blocksIn(["remapped", "lost"]));
    await disk.checkRelocated(disk.bad.filter(({ sector }) => relocated.has(sector)));
    return;
  }
  check("bad blocks that were written", written.length > disk.bad.length / 2, {
    expected: "more than half of them",
    seen: written.length,
  });
  await disk.checkRelocated(written);
  const used = disk.counters();
  checkEqual("slots in use", used.spareUsed - used.spareBad, written.length * unit);
  const met = new Set(written);
  const left = disk.bad.filter((block) => strikes(block.fault, "read") && !met.has(block));
  checkEqual("pending and lost sectors", [used.pending, used.lost], [
    left.length * unit,
    left.length * unit,
  ]);
}

async function underFileSystem(dm: DeviceMapper, layout: Layout, files: Digests): Promise<void> {
  const step = steps(layout.name);
  await using disk = await BadDisk.create(dm, layout, Number(values.seed));
  const { major, minor } = disk.device.info();
  using trace = WriteTrace.start(major, minor);
  progress(`${layout.name}: ${describe(disk.bad)}`);
  await step("64 KiB over two bad blocks take two slots", () => pairOfBlocks(disk));
  await step("what cannot be read is found", () => findUnreadable(disk));
  const before = disk.counters();
  await step("ext4, fio, copies, fsck without an error", () => {
    return useFileSystem(disk.path, files);
  });
  await step("as many slots as bad blocks were written", async () => {
    const written = trace && touched(disk.bad, layout.unit, await trace.read());
    await settle(disk, written);
    const after = disk.counters();
    progress(
      `${layout.name}: ${written?.length ?? "?"} bad blocks written, ` +
        `${after.spareUsed} sectors of the spare used, ${after.spareBad} bad, ` +
        `${after.pending} pending, ${after.writeErrors} failed writes`,
    );
    checkEqual("reads that failed under ext4", after.readErrors - before.readErrors, 0);
    checkEqual("bad slots met", after.spareBad > 0, layout.ownSpare);
  });
}

async function withoutFileSystem(dm: DeviceMapper, layout: Layout): Promise<void> {
  const step = steps(layout.name);
  await using disk = await BadDisk.create(dm, layout, Number(values.seed));
  await step("without a scan, what cannot be read is an error, and all that is", () => {
    return withoutScan(disk);
  });
  await step("written anew, it is whole again", () => rewritten(disk));
  await step("clear keeps what main cannot hold", () => clearKeeps(disk));
}

await run("modprobe", "-q", "ext4").catch(() => "built in");
await loadModule();
const files = await collectFiles();
{
  using dm = DeviceMapper.open();
  for (const layout of LAYOUTS) {
    if (values.disk.length > 0 && !values.disk.includes(layout.name)) continue;
    for (const part of [underFileSystem, withoutFileSystem]) {
      await tellFailure(layout.name, () => part(dm, layout, files));
    }
  }
}
await run("rmmod", "dm_remap");
