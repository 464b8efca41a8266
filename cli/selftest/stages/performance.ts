// SPDX-License-Identifier: GPL-2.0-only
// What the layer costs, beside dm-linear on the same disks in the same run. The figures are shown
// and not judged: they say something on the machine that they come from, and little elsewhere. What
// is judged is that fio finds every byte that it wrote.
import { check, checkEqual } from "../check.ts";
import { makeLoop } from "../loops.ts";
import { makeMapped, target } from "../mapped.ts";
import { useModule } from "../module.ts";
import { type Disks, remapTarget, Rig } from "../rig.ts";
import type { Scope } from "../scope.ts";
import { ElsewhereError, type Stage, type StageRun } from "../stage.ts";
import { fio, type FioJob, type FioResult } from "./fio.ts";

const MAIN_SECTORS = 131072;
const SPARE_SECTORS = 32768;

type Load = Pick<FioJob, "rw" | "blockKiB" | "depth">;

const SEQUENTIAL: readonly (Load & { readonly name: string })[] = [
  { name: "sequential read", rw: "read", blockKiB: 1024, depth: 8 },
  { name: "sequential write", rw: "write", blockKiB: 1024, depth: 8 },
];
const RANDOM: readonly (Load & { readonly name: string })[] = [
  { name: "random read 4 KiB", rw: "randread", blockKiB: 4, depth: 16 },
  { name: "random write 4 KiB", rw: "randwrite", blockKiB: 4, depth: 16 },
];
const LATENCY: Load = { rw: "randread", blockKiB: 4, depth: 1 };

/** The devices that are compared. */
interface Contenders {
  readonly linear: string;
  /** Nothing relocated. */
  readonly remap: string;
}

async function compare(
  stage: StageRun,
  { linear, remap }: Contenders,
  load: Load,
): Promise<{ readonly linear: FioResult; readonly remap: FioResult }> {
  if (!stage.settings.figures) throw new ElsewhereError("no figures are wanted");
  const seconds = stage.settings.performanceSeconds;
  const job = (file: string): FioJob => ({ ...load, file, seconds, engine: "libaio" });
  return {
    linear: await fio(job(linear), stage.signal),
    remap: await fio(job(remap), stage.signal),
  };
}

/** On 6.1 polled requests never wait, so whatever they meet, none may be sent back. */
const VERIFIED: Readonly<Record<string, Pick<FioJob, "engine" | "polled">>> = {
  "libaio": { engine: "libaio" },
  "io_uring": { engine: "io_uring" },
  "io_uring, polled": { engine: "io_uring", polled: true },
};

async function correctness(stage: StageRun, disks: Disks): Promise<void> {
  for (const [name, how] of Object.entries(VERIFIED)) {
    await stage.case(`fio verifies what it wrote: ${name}`, async (scope) => {
      const file = await relocatedDevice(stage, scope, disks);
      const load = { rw: "randwrite", blockKiB: 4, depth: 16, seconds: 0 } as const;
      await fio({ ...load, ...how, file, verify: true }, stage.signal);
    });
  }
  await stage.case("fio reads with io_uring and NOWAIT", async (scope) => {
    const file = await relocatedDevice(stage, scope, disks);
    const load = { rw: "randread", blockKiB: 4, depth: 16, seconds: 1 } as const;
    const { iops } = await fio({ ...load, file, engine: "io_uring", nowait: true }, stage.signal);
    check("requests that were served", iops > 0, { expected: "some", seen: iops });
  });
}

/** A small device with relocated sectors all over it. */
async function relocatedDevice(stage: StageRun, scope: Scope, disks: Disks): Promise<string> {
  const features = ["volatile", "max_remaps", "0"];
  const rig = await Rig.make(scope, stage.dm, disks, { features, length: 16384, fill: false });
  const pairs = Array.from({ length: 100 }, (_, index) => `${index * 160 + 3} 5`).join(" ");
  checkEqual("remap", await rig.send(`remap ${pairs}`), "remapped=500 lost=0");
  return rig.device.path;
}

/** Both devices over the same disks. */
async function makeContenders({ scope, dm }: StageRun, disks: Disks): Promise<Contenders> {
  const { main, spare } = disks;
  const linear = [target("linear", 0, MAIN_SECTORS, `${main.path} 0`)];
  const parts = { main: main.path, spare: spare.path, spareLength: SPARE_SECTORS };
  const features = ["volatile", "max_remaps", "0"];
  const remap = [remapTarget({ ...parts, features }, MAIN_SECTORS)];
  return {
    linear: (await makeMapped(scope, dm, "linear", linear)).path,
    remap: (await makeMapped(scope, dm, "remap", remap)).path,
  };
}

async function speed(stage: StageRun, devices: Contenders): Promise<void> {
  stage.step("sequential");
  for (const load of SEQUENTIAL) {
    await stage.case(load.name, async () => {
      const result = await compare(stage, devices, load);
      stage.figure(`${load.name}, dm-linear`, result.linear.mibPerSecond, "MiB/s");
      stage.figure(`${load.name}, remap`, result.remap.mibPerSecond, "MiB/s");
    });
  }
  stage.step("random");
  for (const load of RANDOM) {
    await stage.case(load.name, async () => {
      const result = await compare(stage, devices, load);
      stage.figure(`${load.name}, dm-linear`, result.linear.iops, "IOPS");
      stage.figure(`${load.name}, remap`, result.remap.iops, "IOPS");
    });
  }
  stage.step("latency");
  await stage.case("one request at a time", async () => {
    const result = await compare(stage, devices, LATENCY);
    stage.figure("latency of a 4 KiB read, dm-linear", result.linear.meanLatencyUs, "us");
    stage.figure("latency of a 4 KiB read, remap", result.remap.meanLatencyUs, "us");
    stage.figure("its 99th percentile, dm-linear", result.linear.p99LatencyUs, "us");
    stage.figure("its 99th percentile, remap", result.remap.p99LatencyUs, "us");
  });
}

async function overhead(stage: StageRun, devices: Contenders): Promise<void> {
  const { dm } = stage;
  const name = devices.remap.replace("/dev/mapper/", "");
  stage.step("overhead");
  await stage.case("1000 sectors relocated", async () => {
    if (!stage.settings.figures) throw new ElsewhereError("no figures are wanted");
    const pairs = Array.from({ length: 1000 }, (_, index) => `${index * 131 + 1} 1`);
    for (let at = 0; at < pairs.length; at += 250) {
      await dm.message(name, 0n, `remap ${pairs.slice(at, at + 250).join(" ")}`);
    }
    const result = await compare(stage, devices, { ...LATENCY, depth: 16 });
    const percent = 100 * (result.linear.iops / result.remap.iops - 1);
    stage.figure("the same again, dm-linear", result.linear.iops, "IOPS");
    stage.figure("the same again, 1000 sectors relocated", result.remap.iops, "IOPS");
    stage.figure("overhead with 1000 sectors relocated", percent, "%");
    const reply = await dm.message(name, 0n, "clear");
    checkEqual("clear", reply, "cleared=1000 kept=0");
  });
}

async function run(stage: StageRun): Promise<void> {
  const { scope } = stage;
  await useModule(scope, stage.signal);
  const disks: Disks = {
    main: await makeLoop(scope, stage.workdir, { sectors: MAIN_SECTORS }),
    spare: await makeLoop(scope, stage.workdir, { sectors: SPARE_SECTORS }),
  };
  stage.step("correctness");
  await correctness(stage, disks);
  const devices = await makeContenders(stage, disks);
  await speed(stage, devices);
  await overhead(stage, devices);
}

export const PERFORMANCE: Stage = {
  name: "performance",
  summary: "fio: sequential, random, latency and overhead beside dm-linear; bytes are judged only",
  programs: ["losetup", "insmod", "rmmod", "fio"],
  run,
};
