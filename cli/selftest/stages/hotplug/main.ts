// SPDX-License-Identifier: GPL-2.0-only
// A main that is unplugged: what lies on the spare goes on, and no slot is used for the rest.
import { check, checkEqual } from "../../check.ts";
import { checkLost } from "../../content.ts";
import { readStat } from "../errors/promises.ts";
import { write, writeFails } from "../errors/requests.ts";
import { ScsiDisk } from "../errors/scsi_disk.ts";
import { countersOf, type HotplugBench, type HotplugPart, needsMain, RELOCATED } from "./bench.ts";
import { Load, unplugUnderLoad } from "./load.ts";

const [FIRST] = RELOCATED;

async function servesTheSpare(bench: HotplugBench): Promise<void> {
  const main = await ScsiDisk.make(bench.scope);
  const disks = { main, spare: await bench.blankSpare() };
  await bench.life(disks, bench.newContent(), async (rig) => {
    const before = await countersOf(rig);
    const { first, count } = FIRST!;
    await main.delete();
    await writeFails(rig, 0, 8);
    await checkLost("a sector of main", rig.file, 100, 2);
    await write(rig, first, count);
    await rig.check("what lies on the spare", first, count);
    checkEqual("the table", await countersOf(rig), before);
    const errors = await readStat(rig, "transport_errors");
    check("transport_errors", errors >= 2, { expected: "at least 2", seen: errors });
  });
}

async function losesNothing(bench: HotplugBench): Promise<void> {
  const main = await ScsiDisk.make(bench.scope);
  const spare = await bench.blankSpare();
  const content = bench.newContent();
  const load = await bench.life({ main, spare }, content, async (rig) => {
    const before = await countersOf(rig);
    const load = new Load(rig, bench.seed, needsMain);
    await unplugUnderLoad(load, () => main.delete());
    checkEqual("the table", await countersOf(rig), before);
    return load;
  });
  const disks = { main: await main.plugIn(), spare };
  await bench.life(disks, content, (rig) => load.settle("everything in the next life", rig));
}

export const MAIN: HotplugPart = {
  name: "2 main",
  cases: [
    { name: "promise 8: the spare's sectors go on, no slot is used", run: servesTheSpare },
    { name: "promise 1: main unplugged under load", run: losesNothing },
  ],
};
