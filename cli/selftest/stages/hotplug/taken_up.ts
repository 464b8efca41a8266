// SPDX-License-Identifier: GPL-2.0-only
// A spare that comes back under a device that has lived on: the same line with the new device in it.
import { checkEqual, CheckError, checkFails, codeOf } from "../../check.ts";
import type { LoopDisk } from "../../loops.ts";
import { makeLoop } from "../../loops.ts";
import type { Disks, Rig } from "../../rig.ts";
import { DirectFile } from "../../../../ffi/direct_file.ts";
import { write } from "../errors/requests.ts";
import { ScsiDisk } from "../errors/scsi_disk.ts";
import { SECTOR } from "../../pattern.ts";
import { layoutOn } from "../persistence/view.ts";
import {
  countersOf,
  type HotplugBench,
  type HotplugPart,
  needsSpare,
  RELOCATED,
  SECTORS,
} from "./bench.ts";
import { Load, unplugUnderLoad } from "./load.ts";

/** As `assemble` does it. */
async function takeUp(bench: HotplugBench, rig: Rig, disks: Disks): Promise<void> {
  // A device that could not be resumed stands still already.
  if (bench.dm.info(rig.name)?.suspended !== true) {
    await bench.dm.suspend(rig.name, { noflush: true });
  }
  try {
    await bench.dm.reload(rig.name, [bench.lineOver(disks)]);
  } finally {
    await bench.dm.resume(rig.name);
  }
}

async function servesAgain(bench: HotplugBench): Promise<void> {
  const { main } = bench.loops;
  const spare = await ScsiDisk.make(bench.scope);
  const content = bench.newContent();
  const back = await bench.life({ main, spare }, content, async (rig) => {
    const before = await countersOf(rig);
    const load = new Load(rig, bench.seed, needsSpare);
    await unplugUnderLoad(load, () => spare.delete());
    const back = { main, spare: await spare.plugIn() };
    await takeUp(bench, rig, back);
    checkEqual("the table", await countersOf(rig), before);
    await load.settle("everything after the return", rig);
    // Its cache may have gone with its power: that is said once.
    await checkFails("the first flush after the return", "EIO", () => rig.file.flush());
    await rig.file.flush();
    await rig.relocate(0, 4);
    await rig.file.flush();
    return back;
  });
  await bench.life(back, content, async (rig) => {
    await rig.check("everything in the next life");
    checkEqual("what was relocated after the return", (await rig.places(0, 4)).length, 1);
  });
}

async function servesAgainUnderLoad(bench: HotplugBench): Promise<void> {
  const { main } = bench.loops;
  let spare = await ScsiDisk.make(bench.scope);
  await bench.life({ main, spare }, bench.newContent(), async (rig) => {
    const load = new Load(rig, bench.seed, needsSpare);
    for (let round = 0; round < 3; round++) {
      load.start();
      await load.goesOn(100);
      await spare.delete();
      await load.goesOn(100);
      spare = await spare.plugIn();
      await takeUp(bench, rig, { main, spare });
      load.expect(() => false);
      await load.goesOn(200);
      await load.stop();
      await load.settle(`everything after return ${round}`, rig);
      load.expect(needsSpare);
    }
  });
}

/** Loading the line fails, or resuming with it. */
async function refuses(bench: HotplugBench, rig: Rig, disks: Disks): Promise<void> {
  const error = await takeUp(bench, rig, disks).then(() => undefined, codeOf);
  if (error === "EBUSY" || error === "EINVAL") return;
  throw new CheckError("a line with another spare", "EBUSY or EINVAL", error ?? "taken");
}

/** Another disk is refused, and left as it is; the right one is taken after it. */
async function takesNoOther(
  bench: HotplugBench,
  makeOther: (spare: ScsiDisk) => Promise<LoopDisk>,
): Promise<void> {
  const { main } = bench.loops;
  const spare = await ScsiDisk.make(bench.scope);
  await bench.life({ main, spare }, bench.newContent(), async (rig) => {
    const other = await makeOther(spare);
    const bytes = await headOf(other);
    // What the copy does not have.
    await rig.relocate(0, 4);
    await write(rig, 0, 4);
    await rig.file.flush();
    const before = await countersOf(rig);
    await spare.delete();
    // Who asks again gets the same answer.
    await refuses(bench, rig, { main, spare: other });
    await refuses(bench, rig, { main, spare: other });
    checkEqual("the other disk is as it was", await headOf(other), bytes);
    await takeUp(bench, rig, { main, spare: await spare.plugIn() });
    checkEqual("the table", await countersOf(rig), before);
    await rig.check("everything after the return");
    await write(rig, RELOCATED[0]!.first, 8);
    await rig.check("everything after a write");
  }, { countsAnew: true });
}

/** What was written before may be gone, and is said once, however long the right spare takes to come. */
async function forgetsNoFlush(bench: HotplugBench): Promise<void> {
  const { main } = bench.loops;
  const spare = await ScsiDisk.make(bench.scope);
  await bench.life({ main, spare }, bench.newContent(), async (rig) => {
    await rig.file.flush();
    await write(rig, RELOCATED[0]!.first, 8);
    await spare.delete();
    const blank = await makeLoop(bench.scope, bench.workdir, { sectors: SECTORS });
    await refuses(bench, rig, { main, spare: blank });
    await takeUp(bench, rig, { main, spare: await spare.plugIn() });
    await checkFails("the first flush after the return", "EIO", () => rig.file.flush());
    await rig.file.flush();
    await rig.check("everything after the return");
  }, { countsAnew: true });
}

/** A digest of what lies before the slots. */
async function headOf(disk: LoopDisk): Promise<string> {
  using file = DirectFile.open(disk.path);
  const bytes = await file.read(0n, layoutOn(disk.sectors, 512).slotsStart * SECTOR);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return digest.toHex();
}

function takesNoBlankDisk(bench: HotplugBench): Promise<void> {
  return takesNoOther(bench, () => makeLoop(bench.scope, bench.workdir, { sectors: SECTORS }));
}

/** The very same spare, as it was some relocations ago. */
function takesNoOldCopy(bench: HotplugBench): Promise<void> {
  return takesNoOther(bench, async (spare) => {
    const copy = await makeLoop(bench.scope, bench.workdir, { sectors: SECTORS });
    using from = DirectFile.open(spare.path);
    using to = DirectFile.open(copy.path, { write: true });
    await to.write(0n, await from.read(0n, SECTORS * SECTOR));
    return copy;
  });
}

export const TAKEN_UP: HotplugPart = {
  name: "3 the spare comes back",
  cases: [
    { name: "promise 1: everything is there again", run: servesAgain },
    { name: "promise 1: three times under load", run: servesAgainUnderLoad },
    { name: "promise 10: a blank disk is no spare that comes back", run: takesNoBlankDisk },
    { name: "promise 2: neither is an old copy of it", run: takesNoOldCopy },
    { name: "promise 9: a spare that is refused excuses no flush", run: forgetsNoFlush },
  ],
};
