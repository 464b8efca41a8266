// SPDX-License-Identifier: GPL-2.0-only
// A scan beside other I/O, and patrols. Speeds are shown and not judged.
import { check, checkEqual } from "../check.ts";
import { readSectors } from "../content.ts";
import { inBackground } from "../tasks.ts";
import { run } from "../programs.ts";
import { fio } from "./fio.ts";
import { MAIN_SECTORS, pause, type ScanBench, type ScanCase } from "./scan_bench.ts";

const MIB_SECTORS = 2048;

/** How fast something goes, in its own count a second. */
async function perSecond(ms: number, count: () => Promise<number>): Promise<number> {
  const [start, before] = [performance.now(), await count()];
  await pause(ms);
  return (await count() - before) * 1000 / (performance.now() - start);
}

async function givesWay(bench: ScanBench): Promise<void> {
  const { stage } = bench;
  // Slow enough that there is always a read under way, and that the scan does not end meanwhile.
  const scans = await bench.slow(20);
  const all = `0 ${MAIN_SECTORS - 1}`;
  const position = async () => Number((await scans.status()).position) / MIB_SECTORS;
  await scans.scan(all);
  const alone = await perSecond(150, position);
  const done = await scans.until("the end of a scan alone", ({ state }) => state === "done");
  checkEqual("it gave way to nobody", done.yields, 0n);

  let reading = true;
  let reads = 0;
  const users = [0, 1, 2, 3].map(async () => {
    for (; reading; reads++) await readSectors(scans.rig.file, (reads * 104729) % 32000, 8);
  });
  const work = inBackground(users);
  try {
    const before = await perSecond(1000, () => Promise.resolve(reads));
    await scans.scan(all);
    const start = reads;
    const beside = await perSecond(1000, position);
    await scans.until("looks that found users", ({ yields }) => yields > 0n);
    await scans.until("progress beside users", (scan) => scan.position > 0n);
    check("user reads beside the scan", reads > start, { expected: "some", seen: reads - start });
    stage.figure("scan alone, reads take 20 ms", alone, "MiB/s");
    stage.figure("scan beside user reads, reads take 20 ms", beside, "MiB/s");
    stage.figure("user reads without a scan", before, "IOPS");
  } finally {
    reading = false;
    await work;
  }
  await scans.until("the end of the scan", ({ state }) => state === "done");
}

/** How long the last scan of a device has taken, as the kernel's log has it. */
async function secondsInLog(device: string, signal: AbortSignal): Promise<number> {
  const log = await run("dmesg", [], { signal });
  const at = (words: string) => {
    const line = new RegExp(`^\\[ *([\\d.]+)\\].* ${device}: scan of sectors .* ${words}`, "gm");
    return Number([...log.matchAll(line)].at(-1)?.[1]);
  };
  const seconds = at("done") - at("started");
  check("the scan in the kernel's log", seconds > 0, { expected: "some time", seen: seconds });
  return seconds;
}

async function speed(bench: ScanBench): Promise<void> {
  const { stage } = bench;
  const scans = await bench.rig({ fill: false });
  const file = scans.rig.device.path;
  const job = { file, rw: "read", blockKiB: 1024, depth: 1, engine: "psync", seconds: 1 } as const;
  const plain = await fio(job, stage.signal);
  checkEqual("state", (await scans.whole()).state, "done");
  const seconds = await secondsInLog(scans.rig.name, stage.signal);
  stage.figure("plain sequential reads, 1 MiB", plain.mibPerSecond, "MiB/s");
  stage.figure("a scan", MAIN_SECTORS / MIB_SECTORS / seconds, "MiB/s");
}

const PATROL = ["volatile", "scan_interval_s", "1"];

async function patrols(bench: ScanBench): Promise<void> {
  const { dm } = bench.stage;
  const bad = [{ first: 1000, count: 4 }];
  const scans = await bench.rig({ fill: false, faults: true, features: PATROL });
  await scans.rig.badMain(bad);
  const first = await scans.until("the first patrol", ({ state }) => state === "done");
  checkEqual("its range", [first.start, first.end], [0n, BigInt(MAIN_SECTORS - 1)]);
  const second = (await scans.counter("scans")) + 1n;
  while (await scans.counter("scans") < second) await pause(50);
  await scans.until("the end of the next patrol", ({ state }) => state === "done");
  checkEqual("pending", scans.rig.status().pending, 4n);

  await dm.suspend(scans.rig.name);
  try {
    const count = await scans.counter("scans");
    await pause(2500);
    checkEqual("patrols while suspended", await scans.counter("scans"), count);
  } finally {
    await dm.resume(scans.rig.name);
  }
  const third = (await scans.counter("scans")) + 1n;
  while (await scans.counter("scans") < third) await pause(50);
}

/** Two at once would read more than one device's worth. */
async function patrolsDoNotDisturb(bench: ScanBench): Promise<void> {
  const scans = await bench.slow(1000, { features: PATROL });
  await scans.until("the first patrol", ({ state }) => state === "running");
  // It takes longer than the interval: there is still only this one.
  const first = await scans.counter("scans");
  await pause(2000);
  const { state } = await scans.status();
  checkEqual("the same patrol", [state, await scans.counter("scans")], ["running", first]);
  await scans.until("its progress", (scan) => scan.position > 0n);
  checkEqual("a stop ends a patrol", (await scans.scan("stop")).state, "stopped");
}

export const BESIDE_CASES: readonly ScanCase[] = [
  { name: "gives way to users, and still gets on", run: givesWay },
  { name: "speed beside plain reads", run: speed },
];

export const PATROL_CASES: readonly ScanCase[] = [
  { name: "scan_interval_s starts a scan again and again", run: patrols },
  { name: "a patrol does not start into a scan", run: patrolsDoNotDisturb },
];
