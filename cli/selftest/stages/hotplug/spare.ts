// SPDX-License-Identifier: GPL-2.0-only
// A spare that is unplugged: what lies on it gives errors, all the rest goes on; and it comes back.
import { check, checkEqual, checkFails, checkMatch } from "../../check.ts";
import { checkLost } from "../../content.ts";
import { Listener } from "../../listener.ts";
import type { Disks } from "../../rig.ts";
import { Scope } from "../../scope.ts";
import { until } from "../errors/here.ts";
import { NullDisk } from "../errors/null_disk.ts";
import { readStat } from "../errors/promises.ts";
import { checkPlaces, write, writeFails } from "../errors/requests.ts";
import { ScsiDisk } from "../errors/scsi_disk.ts";
import { SegmentDisk } from "../errors/segments.ts";
import { countersOf, type HotplugBench, type HotplugPart, needsSpare, RELOCATED } from "./bench.ts";
import { Load, unplugUnderLoad } from "./load.ts";

const [FIRST] = RELOCATED;
/** On main, between relocated ones. */
const FREE = 0;

async function withScsiSpare(bench: HotplugBench): Promise<Disks & { readonly spare: ScsiDisk }> {
  return { main: bench.loops.main, spare: await ScsiDisk.make(bench.scope) };
}

async function failsWhereItLies(bench: HotplugBench): Promise<void> {
  const disks = await withScsiSpare(bench);
  await bench.life(disks, bench.newContent(), async (rig) => {
    const before = await countersOf(rig);
    const { first } = FIRST!;
    await disks.spare.delete();
    await checkLost("a relocated sector, the spare unplugged", rig.file, first, 4);
    await writeFails(rig, first, 4);
    await writeFails(rig, first - 4, 8);
    await write(rig, FREE, 64);
    await rig.check("what is on main", FREE, 128);
    await checkPlaces(rig, first, 4, `${first}+4 remapped`);
    checkEqual("the table", await countersOf(rig), before);
  });
}

async function saysSo(bench: HotplugBench): Promise<void> {
  const disks = await withScsiSpare(bench);
  await bench.life(disks, bench.newContent(), async (rig) => {
    const listener = new Listener(bench.scope, bench.dm, rig.name);
    await disks.spare.delete();
    await checkLost("a relocated sector", rig.file, FIRST!.first, 1);
    await listener.expect("device");
    await until(
      "the health says it",
      () => /^(degraded|critical|failed)$/.test(rig.status().health),
    );
    checkMatch("the reason", await rig.send("health"), /spare/);
    const errors = await readStat(rig, "transport_errors");
    check("transport_errors", errors >= 1, { expected: "at least 1", seen: errors });
  });
}

/** A flush has nothing to ask of a spare that is gone, but for what was written there before. */
async function flushesTheRest(bench: HotplugBench): Promise<void> {
  for (const written of [false, true]) {
    await using scope = new Scope(bench.scope.signal);
    const disks = { main: bench.loops.main, spare: await ScsiDisk.make(scope) };
    await bench.life(disks, bench.newContent(), async (rig) => {
      await rig.file.flush();
      if (written) await write(rig, FIRST!.first, 4);
      await disks.spare.delete();
      await write(rig, FREE, 8);
      const flush = () => rig.file.flush();
      if (written) await checkFails("the flush after a write to a slot", "EIO", flush);
      await flush();
      await rig.check("what is on main", FREE, 64);
    });
  }
}

async function relocatesNothing(bench: HotplugBench): Promise<void> {
  const spare = await ScsiDisk.make(bench.scope);
  const main = await SegmentDisk.make(bench.scope, bench.dm, "main", bench.loops.main);
  const content = bench.newContent();
  await bench.life({ main, spare }, content, async (rig) => {
    const before = await countersOf(rig);
    await spare.delete();
    await main.fail([{ first: 3, count: 1 }]);
    await writeFails(rig, 3, 1);
    await write(rig, 4, 4);
    // It was read, too.
    checkEqual("the table", await countersOf(rig), { ...before, lost: 1, pending: 1 });
  });
  const disks = { main, spare: await spare.plugIn() };
  await bench.life(disks, content, async (rig) => {
    await write(rig, 0, 8);
    await rig.check("everything, with the bad sector relocated");
    checkEqual("relocated by the target", await readStat(rig, "auto_remaps"), 1);
  });
}

async function losesNothing(bench: HotplugBench): Promise<void> {
  const disks = await withScsiSpare(bench);
  const content = bench.newContent();
  const load = await bench.life(disks, content, async (rig) => {
    const before = await countersOf(rig);
    const load = new Load(rig, bench.seed, needsSpare);
    await unplugUnderLoad(load, () => disks.spare.delete());
    checkEqual("the table", await countersOf(rig), before);
    return load;
  });
  const back = { main: disks.main, spare: await disks.spare.plugIn() };
  await bench.life(back, content, (rig) => load.settle("everything in the next life", rig));
}

/** The same disk by another driver, whose device is the same number again. */
async function comesBackWithPower(bench: HotplugBench): Promise<void> {
  const spare = await NullDisk.make(bench.scope);
  const disks = { main: bench.loops.main, spare };
  const content = bench.newContent();
  const load = await bench.life(disks, content, async (rig) => {
    const load = new Load(rig, bench.seed, needsSpare);
    await unplugUnderLoad(load, () => spare.powerOff());
    return load;
  });
  await spare.powerOn();
  await bench.life(disks, content, (rig) => load.settle("everything in the next life", rig));
}

export const SPARE: HotplugPart = {
  name: "1 the spare",
  cases: [
    { name: "promise 3: what lies on it fails, the rest goes on", run: failsWhereItLies },
    { name: "promise 7: status, health and event tell", run: saysSo },
    { name: "promise 9: flushes go on, unless slots were written", run: flushesTheRest },
    { name: "promise 8: nothing is relocated without it", run: relocatesNothing },
    { name: "promise 1: the spare unplugged under load", run: losesNothing },
    { name: "promise 1: the spare without power under load", run: comesBackWithPower },
  ],
};
