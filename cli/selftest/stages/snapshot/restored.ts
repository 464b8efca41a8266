// SPDX-License-Identifier: GPL-2.0-only
// A spare that is lost, and made anew from a snapshot.
import { DeviceImage } from "../../../metadata/device_image.ts";
import { carryOut, decideFates } from "../../../restore/job.ts";
import { place } from "../../../restore/place.ts";
import type { SnapshotHead, Store } from "../../../store/types.ts";
import { checkEqual, CheckError } from "../../check.ts";
import { checkLost } from "../../content.ts";
import { makeLoop } from "../../loops.ts";
import type { LoopDisk } from "../../loops.ts";
import { checkAround, readFails } from "../errors/requests.ts";
import type { PersistenceBench, PersistencePart } from "../persistence/bench.ts";
import { checkStore, makeStore, takeLive } from "./bench.ts";

/** What is known to be newer: relocated after the snapshot. */
const NEWER = { first: 1000, length: 4 };

async function restore(store: Store, head: SnapshotHead, disk: LoopDisk): Promise<void> {
  const fates = await decideFates(store, head, [], { named: [NEWER], trustSlots: false });
  const range = { spareSectors: disk.sectors, blockSectors: head.device.blockSectors };
  const placement = place(fates.decisions, range, { inPlace: false, bad: [] });
  if (placement === undefined) throw new CheckError("the new spare", "large enough", "too small");
  using image = new DeviceImage(disk.path, 0, true);
  const ground = { spareStart: 0, spareSectors: disk.sectors, spareDeviceSectors: disk.sectors };
  const job = { store, fates, image, ground, placement, write: "new" as const };
  const { missing } = await carryOut(job, {});
  checkEqual("content that could not be had", missing, []);
}

async function restoresLostSpares(bench: PersistenceBench): Promise<void> {
  const pair = await bench.pair();
  const store = makeStore(bench);
  const bad = [{ first: 400, count: 2 }, { first: 500, count: 1 }];
  const { head, content } = await bench.life(pair, async (rig) => {
    await rig.relocate(10, 200);
    await rig.write(0, 256);
    await pair.main.fail(bad);
    await readFails(rig, 400, 2);
    await rig.relocate(500, 1, 1);
    const { head } = await takeLive(store, rig, true);
    const content = rig.content.copy();
    await rig.relocate(NEWER.first, NEWER.length);
    await rig.write(NEWER.first, NEWER.length);
    return { head, content };
  });
  const fresh = await makeLoop(bench.scope, bench.workdir, { sectors: 2 * pair.spare.sectors });
  await restore(store, head, fresh);
  const revived = { ...pair, spare: fresh, raw: { ...pair.raw, spare: fresh }, content };
  const holes = [400, 401, 500, ...[0, 1, 2, 3].map((at) => NEWER.first + at)];
  await bench.life(revived, async (rig) => {
    await checkAround("everything as it was at the snapshot", rig, holes);
    await checkLost("what was lost then", rig.file, 500, 1);
    await checkLost("what is newer", rig.file, NEWER.first, NEWER.length);
    const { pending, lost } = rig.status();
    checkEqual("pending and lost sectors", { pending, lost }, { pending: 2n, lost: 7n });
    await rig.write(NEWER.first, NEWER.length);
    await rig.relocate(700, 8);
  });
  await bench.life(revived, async (rig) => {
    await rig.check("what was written after the restore", NEWER.first, NEWER.length);
    await rig.check("what was relocated after it", 700, 8);
  });
  checkStore(store);
}

/** Until all of it is there, nobody takes it for a spare. */
async function refusesHalfOfIt(bench: PersistenceBench): Promise<void> {
  const pair = await bench.pair();
  const store = makeStore(bench);
  const head = await bench.life(pair, async (rig) => {
    await rig.relocate(10, 200);
    return (await takeLive(store, rig, true)).head;
  });
  const fresh = await makeLoop(bench.scope, bench.workdir, { sectors: pair.spare.sectors });
  const revived = { ...pair, spare: fresh, raw: { ...pair.raw, spare: fresh } };
  const stopped = new AbortController();
  const failure = await interrupted(store, head, fresh, stopped);
  checkEqual("how an interrupted restore ends", failure, "interrupted");
  await bench.refuses("a spare that was restored in part", revived);
  await restore(store, head, fresh);
  await bench.life(revived, (rig) => checkAround("everything", rig, LOST_BY_NAME));
}

const LOST_BY_NAME = [0, 1, 2, 3].map((at) => NEWER.first + at);

async function interrupted(
  store: Store,
  head: SnapshotHead,
  disk: LoopDisk,
  stop: AbortController,
): Promise<string> {
  const fates = await decideFates(store, head, [], { named: [], trustSlots: false });
  const range = { spareSectors: disk.sectors, blockSectors: head.device.blockSectors };
  const placement = place(fates.decisions, range, { inPlace: false, bad: [] })!;
  using image = new DeviceImage(disk.path, 0, true);
  const ground = { spareStart: 0, spareSectors: disk.sectors, spareDeviceSectors: disk.sectors };
  const job = { store, fates, image, ground, placement, write: "new" as const };
  stop.abort();
  return await carryOut(job, { signal: stop.signal }).then(() => "done", () => "interrupted");
}

export const RESTORED: PersistencePart = {
  name: "2 spares that are made anew",
  cases: [
    { name: "promise 3: as at the snapshot, what is newer is lost", run: restoresLostSpares },
    { name: "promise 10: half of it is refused", run: refusesHalfOfIt },
  ],
};
