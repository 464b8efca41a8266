// SPDX-License-Identifier: GPL-2.0-only
// A write to a pending sector, under either policy.
import { checkLost, position } from "../../content.ts";
import type { ErrorsBench, ErrorsPart, FaultRig } from "./bench.ts";
import { QUICK } from "./bench.ts";
import { kernelIsAtLeast, notInThisKernel } from "./here.ts";
import { checkCounts, checkPlaces, checkStat, readFails, write, writeFails } from "./requests.ts";

const VERIFY = [...QUICK, "pending_policy", "verify"];

/** Sector 300 is pending, and still bad. */
async function withPending(bench: ErrorsBench, features = QUICK): Promise<FaultRig> {
  const parts = await bench.rig({ features });
  await parts.main.fail([{ first: 300, count: 1 }]);
  await readFails(parts.rig, 300, 1);
  checkCounts("a pending sector", parts.rig, { pending: 1, lost: 1, spareUsed: 0 });
  return parts;
}

async function relocatesAtOnce(bench: ErrorsBench): Promise<void> {
  const { rig, main } = await withPending(bench);
  await main.heal();
  await write(rig, 300, 1);
  await checkPlaces(rig, 299, 3, "299+1 main, 300+1 remapped, 301+1 main");
  checkCounts("after a write", rig, {
    ...{ remapped: 1, lost: 0, pending: 0, spareUsed: 1, autoRemaps: 1 },
  });
  await rig.check("everything");
}

async function relocatesWhatIsBad(bench: ErrorsBench): Promise<void> {
  const { rig } = await withPending(bench);
  await write(rig, 296, 8);
  await checkPlaces(rig, 296, 8, "296+4 main, 300+1 remapped, 301+3 main");
  checkCounts("after a write over it", rig, { remapped: 1, lost: 0, pending: 0, spareUsed: 1 });
  await rig.check("everything");
}

async function relocatesZeroes(bench: ErrorsBench): Promise<void> {
  const { rig } = await withPending(bench);
  await rig.file.zeroout(position(296), position(8));
  rig.content.set(296, 8, 0);
  await rig.check("everything after write-zeroes");
  checkCounts("after write-zeroes", rig, { remapped: 1, lost: 0, pending: 0, spareUsed: 1 });
}

async function discardsNothing(bench: ErrorsBench): Promise<void> {
  const { rig, main } = await withPending(bench);
  await main.heal();
  await main.fail([{ first: 300, count: 1 }]);
  await rig.file.discard(position(296), position(8)).catch(() => {});
  await checkLost("a pending sector after a discard", rig.file, 300, 1);
  checkCounts("after a discard", rig, { remapped: 0, lost: 1, pending: 1, spareUsed: 0 });
  rig.content.set(296, 8, 0xffffffff);
}

async function rewritesInPlace(bench: ErrorsBench): Promise<void> {
  const { rig, main } = await withPending(bench, VERIFY);
  await main.heal();
  await write(rig, 300, 1);
  await checkPlaces(rig, 299, 3, "299+3 main");
  checkCounts("after a write that main took", rig, {
    ...{ remapped: 0, lost: 0, pending: 0, spareUsed: 0, autoRemaps: 0 },
  });
  await checkStat("after a write that main took", rig, "recovered", 1);
  await rig.checkMain("the sector that was rewritten", rig.content, 300, 1);
  await rig.check("everything");
}

async function relocatesWhatMainRefuses(bench: ErrorsBench): Promise<void> {
  const { rig } = await withPending(bench, VERIFY);
  await write(rig, 296, 8);
  await checkPlaces(rig, 296, 8, "296+4 main, 300+1 remapped, 301+3 main");
  checkCounts("after a write that main refused", rig, {
    ...{ remapped: 1, lost: 0, pending: 0, spareUsed: 1, autoRemaps: 1 },
  });
  await rig.check("everything");
}

async function readsBackWhatItWrote(bench: ErrorsBench): Promise<void> {
  if (!kernelIsAtLeast(6, 6)) throw notInThisKernel("dm-flakey error_reads");
  const { rig, main } = await withPending(bench, VERIFY);
  await main.fail([{ first: 300, count: 1, what: "reads" }]);
  await write(rig, 300, 1);
  checkCounts("after a write that cannot be read back", rig, {
    ...{ remapped: 1, lost: 0, pending: 0, spareUsed: 1 },
  });
  await rig.check("everything");
}

/** Where nothing may be relocated, a write that main takes is as good as any. */
async function rewritesWhereItMayNotRelocate(bench: ErrorsBench): Promise<void> {
  const { rig, main } = await withPending(bench, [...QUICK, "no_auto_remap"]);
  await writeFails(rig, 300, 1);
  checkCounts("after a write that main refused", rig, { remapped: 0, pending: 1, spareUsed: 0 });
  await main.heal();
  await write(rig, 300, 1);
  await rig.check("everything");
  checkCounts("after a write that main took", rig, { remapped: 0, pending: 0, spareUsed: 0 });
}

export const PENDING: ErrorsPart = {
  name: "3 writes to pending sectors",
  cases: [
    { name: "relocate: at once, even if main has healed", run: relocatesAtOnce },
    { name: "relocate: a larger write over a bad one", run: relocatesWhatIsBad },
    { name: "relocate: write-zeroes", run: relocatesZeroes },
    { name: "promise 3: a discard makes no sector readable", run: discardsNothing },
    { name: "verify: rewritten in place where main takes it", run: rewritesInPlace },
    { name: "verify: relocated where main refuses it", run: relocatesWhatMainRefuses },
    { name: "verify: relocated where it does not read back", run: readsBackWhatItWrote },
    { name: "no_auto_remap: in place or EIO", run: rewritesWhereItMayNotRelocate },
  ],
};
