// SPDX-License-Identifier: GPL-2.0-only
import { resolveBlockDevice } from "../../device/block_device.ts";
import { fromTarget, TARGET_TYPE } from "../../device/table_line.ts";
import { check, checkEqual, checkFails } from "../check.ts";
import { makeMapped } from "../mapped.ts";
import { remapTarget } from "../rig.ts";
import { type Bench, type FunctionalPart, MAIN_SECTORS } from "./bench.ts";
import { REFUSAL_CASES } from "./refusals.ts";

async function givesItsTableBack(bench: Bench): Promise<void> {
  const features = [
    ...["volatile", "max_remaps", "77", "no_auto_remap", "retries", "5", "retry_delay_ms", "20"],
    ...["proactive", "pending_policy", "verify", "verify_reads", "scan_interval_s", "3600"],
  ];
  const rig = await bench.rig({
    ...{ length: 4096, mainStart: 1024, spareStart: 8, spareLength: 512, fill: false },
    features,
  });
  const [line] = bench.dm.table(rig.name);
  const main = resolveBlockDevice(rig.disks.main.path).number;
  const spare = resolveBlockDevice(rig.disks.spare.path).number;
  checkEqual(
    "the table",
    `${line?.start} ${line?.length} ${line?.type} ${line?.params.trim()}`,
    [
      `0 4096 ${TARGET_TYPE} ${main} 1024 ${spare} 8 512 ${features.length}`,
      ...features,
    ].join(" "),
  );
  const table = line && fromTarget(line);
  checkEqual("max_remaps as it is read back", table?.features.maxRemaps, 77n);
}

async function hasTheGivenSize(bench: Bench): Promise<void> {
  const rig = await bench.rig({ length: 4096, mainStart: 8, fill: false });
  checkEqual("the size in bytes", rig.file.size(), 4096n * 512n);
  checkEqual("the logical block", rig.file.logicalBlockSize(), 512);
}

async function showsWhatMainHolds(bench: Bench): Promise<void> {
  const rig = await bench.rig({ length: MAIN_SECTORS - 1024, mainStart: 1024 });
  await rig.check("the content that was there before the device");
}

async function takesLargeBlocks(bench: Bench): Promise<void> {
  const disks = await bench.ownDisks({ mainBlock: 4096 });
  const rig = await bench.rig({}, disks);
  checkEqual("the logical block", rig.file.logicalBlockSize(), 4096);
  for (const message of ["remap 1", "remap 8 4", "unmap 4 8", "remap 0 8 12 8"]) {
    await checkFails(`${message} on blocks of 8 sectors`, "EINVAL", () => rig.send(message));
  }
  checkEqual("remap without a count", await rig.send("remap 16"), "remapped=8 lost=0");
  await rig.write(8, 24);
  await rig.check("content with blocks of 4096 bytes");
}

async function usesTheTailOfADisk(bench: Bench): Promise<void> {
  const { main } = bench.disks;
  const length = MAIN_SECTORS - 1024;
  const rig = await bench.rig({ length, spareStart: length }, { main, spare: main });
  await rig.relocate(100, 50);
  await rig.relocate(length - 1, 1);
  await rig.write(90, 100);
  await rig.check("content on a disk that is its own spare");
  checkEqual("clear", await rig.send("clear"), "cleared=51 kept=0");
  await rig.checkMain("content after clear", rig.content);
}

async function opensReadOnly(bench: Bench): Promise<void> {
  const rig = await bench.rig({ readOnly: true });
  await rig.check("content of a read-only device");
  await checkFails("remap on a read-only table", "EROFS", () => rig.send("remap 0"));
  await checkFails("clear on a read-only table", "EROFS", () => rig.send("clear"));
  checkEqual("verify on a read-only table", await rig.send("verify 0 1"), "0 1 main");
}

async function takesItsLimitFromTheModule(bench: Bench): Promise<void> {
  const parameter = "/sys/module/dm_remap/parameters/max_remaps";
  const before = await Deno.readTextFile(parameter);
  try {
    await Deno.writeTextFile(parameter, "10");
    const rig = await bench.rig({ fill: false });
    await checkFails("11 sectors where the module allows 10", "ENOSPC", () => {
      return rig.send("remap 0 11");
    });
    await rig.relocate(0, 10);
  } finally {
    await Deno.writeTextFile(parameter, before);
  }
}

async function livesBesideOthers(bench: Bench): Promise<void> {
  const first = await bench.rig({ length: 2048, spareLength: 512 });
  const second = await bench.rig({ length: 2048, mainStart: 2048, spareStart: 512 });
  await first.relocate(10, 20);
  await second.relocate(15, 20);
  await first.write(0, 64);
  await second.write(0, 64);
  await first.check("the first of two devices");
  await second.check("the second of two devices");
}

/** Several targets in one table: sectors in messages count from each target's own start. */
async function sharesATable(bench: Bench): Promise<void> {
  const { main, spare } = bench.disks;
  const parts = { main: main.path, spare: spare.path, spareLength: 512 };
  const low = remapTarget(parts, 1024);
  const high = remapTarget({ ...parts, mainStart: 1024, spareStart: 512 }, 1024);
  const device = await makeMapped(bench.scope, bench.dm, "two", [low, { ...high, start: 1024n }]);
  const reply = await bench.dm.message(device.name, 1024n, "remap 7");
  checkEqual("remap in the second target", reply, "remapped=1 lost=0");
  checkEqual(
    "verify in the first",
    await bench.dm.message(device.name, 0n, "verify 0 1024"),
    "0 1024 main",
  );
  const places = await bench.dm.message(device.name, 1024n, "verify 6 3");
  const expected = /^6 1 main\n7 1 remapped \d+\n8 1 main$/;
  check("verify in the second", expected.test(places ?? ""), {
    expected: `${expected}`,
    seen: places,
  });
}

export const CREATE: FunctionalPart = {
  name: "2 create",
  cases: [
    { name: "the table comes back as it was loaded", run: givesItsTableBack },
    { name: "size and logical block", run: hasTheGivenSize },
    { name: "what main holds shows through", run: showsWhatMainHolds },
    { name: "logical blocks of 4096 bytes move as a whole", run: takesLargeBlocks },
    { name: "the tail of a disk as its own spare", run: usesTheTailOfADisk },
    { name: "two devices on two parts of the same disks", run: livesBesideOthers },
    { name: "two targets in one table", run: sharesATable },
    { name: "read-only: reads go, moves give EROFS", run: opensReadOnly },
    { name: "max_remaps comes from the module", run: takesItsLimitFromTheModule },
    ...REFUSAL_CASES,
  ],
};
