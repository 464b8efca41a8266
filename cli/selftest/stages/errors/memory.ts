// SPDX-License-Identifier: GPL-2.0-only
// Relocations while the kernel has no memory to give: on kernels that can refuse it on purpose.
import { together } from "../../tasks.ts";
import type { ErrorsBench, ErrorsPart } from "./bench.ts";
import { exists, isDebugKernel, missing, notInThisKernel } from "./here.ts";
import { NullDisk } from "./null_disk.ts";
import { checkCounts, readFails, write } from "./requests.ts";

const FAILSLAB = "/sys/kernel/debug/failslab";
/** Its children are the workers of all queues. */
const KTHREADD = "2";

/** The threads that work on unbound queues, as the target's is, and the one that makes more of them. */
async function workers(): Promise<string[]> {
  const found = [KTHREADD];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const comm = await Deno.readTextFile(`/proc/${name}/comm`).catch(() => "");
    if (comm.startsWith("kworker/u")) found.push(name);
  }
  return found;
}

/** Of so many allocations of those threads in a hundred, until the end of the case. */
async function refuseMemory(bench: ErrorsBench, percent: number): Promise<void> {
  if (!exists(FAILSLAB)) throw isDebugKernel() ? missing("failslab") : notInThisKernel("failslab");
  const set = (file: string, value: string) =>
    Deno.writeTextFile(`${FAILSLAB}/${file}`, value, { create: false });
  const mark = async (value: string) => {
    for (const pid of await workers()) {
      // A worker may be gone by now.
      await Deno.writeTextFile(`/proc/${pid}/make-it-fail`, value, { create: false })
        .catch(() => {});
    }
  };
  bench.scope.defer("failslab", async () => {
    await set("probability", "0");
    await mark("0");
  });
  await mark("1");
  await set("task-filter", "Y");
  await set("ignore-gfp-wait", "N");
  await set("verbose", "0");
  await set("interval", "1");
  await set("times", "1000000");
  await set("probability", `${percent}`);
}

/** Disks that need no memory to answer, once they have been written. */
async function onMemory(bench: ErrorsBench) {
  const main = await NullDisk.make(bench.scope);
  const spare = await NullDisk.make(bench.scope);
  const rig = await bench.rigOver({ main, spare });
  await rig.content.copy().write(rig.spare, 0, spare.sectors);
  return { main, rig };
}

async function relocatesAllTheSame(bench: ErrorsBench): Promise<void> {
  const { main, rig } = await onMemory(bench);
  const bad = Array.from({ length: 40 }, (_, index) => index * 50 + 7);
  await main.fail(bad.map((first) => ({ first, count: 1 })));
  await refuseMemory(bench, 30);
  await together(bad.map((first) => write(rig, first - 4, 8)));
  checkCounts("after 40 writes without memory", rig, {
    ...{ remapped: 40, spareUsed: 40, autoRemaps: 40, lost: 0, spareBad: 0 },
  });
  await rig.check("everything");
}

async function failsReadsAllTheSame(bench: ErrorsBench): Promise<void> {
  const { main, rig } = await onMemory(bench);
  const bad = Array.from({ length: 20 }, (_, index) => index * 100 + 7);
  await main.fail(bad.map((first) => ({ first, count: 1 })));
  await refuseMemory(bench, 30);
  await together(bad.map((first) => readFails(rig, first - 4, 8)));
  await together(bad.map((first) => rig.check("beside a bad sector", first + 1, 20)));
  checkCounts("after failed reads without memory", rig, { remapped: 0, spareUsed: 0 });
  await main.heal();
  await rig.check("everything");
}

export const MEMORY: ErrorsPart = {
  name: "13 no memory",
  cases: [
    { name: "promise 1: relocations while allocations fail", run: relocatesAllTheSame },
    { name: "promise 3: failed reads while allocations fail", run: failsReadsAllTheSame },
  ],
};
