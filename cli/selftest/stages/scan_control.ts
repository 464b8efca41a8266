// SPDX-License-Identifier: GPL-2.0-only
// Starting, stopping, watching: and what suspends, reloads and removals mean for a scan.
import { check, checkEqual, checkFails } from "../check.ts";
import { swapTable } from "../mapped.ts";
import { Scope } from "../scope.ts";
import {
  MAIN_SECTORS,
  pause,
  ScanBench,
  type ScanCase,
  type ScanRig,
  sectorsRead,
  STEP,
} from "./scan_bench.ts";

/** Of each read of main, where a scan has to last: with two at once, 3 s for the whole device. */
const DELAY_MS = 400;
/** Time enough for a scan to go on, if it does. */
const PAUSE_MS = 1000;

/** The scan is under way, and has read something. */
async function inTheMiddle(scans: ScanRig): Promise<bigint> {
  const { state, position } = await scans.until("something read", (scan) => scan.position > 0n);
  checkEqual("the state then", state, "running");
  return position;
}

async function answers(bench: ScanBench): Promise<void> {
  const scans = await bench.rig({ fill: false });
  const { rig } = scans;
  const idle = "scan=idle progress=0% start=0 end=0 position=0 errors=0 yields=0";
  checkEqual("before the first scan", await rig.send("scan status"), idle);
  checkEqual("stop before the first scan", await rig.send("scan stop"), idle);
  checkEqual("scan_progress before the first scan", rig.status().scanProgressPercent, 0);
  const { end } = await scans.scan(`0 ${rig.length}`);
  checkEqual("the length stands for the last sector", end, BigInt(rig.length - 1));
  await scans.until("its end", ({ state }) => state === "done");
  const done = await scans.whole(7, 7);
  checkEqual("a single sector", [done.start, done.end, done.position], [7n, 7n, 8n]);
  checkEqual("stop after its end", (await scans.scan("stop")).state, "done");
  checkEqual("scans in stats", await scans.counter("scans"), 2n);
}

async function refuses(bench: ScanBench): Promise<void> {
  const scans = await bench.rig({ fill: false });
  const last = scans.rig.length - 1;
  const wrong = [
    ...["", "1", "a b", "1 b", "-1 5", "1 -5", "0x1 0x2", "5 4", "1 2 3", "stop now", "status 1"],
    ...[`0 ${last + 2}`, `${last + 1} ${last + 1}`, `0 ${2n ** 64n}`, `${2n ** 64n - 1n} 0`],
  ];
  for (const words of wrong) {
    await checkFails(`scan ${words}`, "EINVAL", () => scans.rig.send(`scan ${words}`.trim()));
  }
  checkEqual("the state after all that", (await scans.status()).state, "idle");
}

async function onlyOne(bench: ScanBench): Promise<void> {
  const scans = await bench.slow(DELAY_MS);
  await scans.scan(`0 ${MAIN_SECTORS - 1}`);
  await checkFails("a second scan", "EBUSY", () => scans.scan("0 7"));
  await inTheMiddle(scans);
  await checkFails("a second scan in the middle", "EBUSY", () => scans.scan("0 7"));
  const stopped = await scans.scan("stop");
  checkEqual("the state after a stop", stopped.state, "stopped");
  const next = await scans.scan("8 15");
  checkEqual("a new one at once", [next.start, next.end, next.position], [8n, 15n, 8n]);
  const done = await scans.until("its end", ({ state }) => state === "done");
  checkEqual("its range", [done.start, done.end], [8n, 15n]);
}

async function stops(bench: ScanBench): Promise<void> {
  const scans = await bench.slow(DELAY_MS);
  await scans.scan(`0 ${MAIN_SECTORS - 1}`);
  await inTheMiddle(scans);
  const { state, position, progressPercent } = await scans.scan("stop");
  checkEqual("state", state, "stopped");
  check("position", position < MAIN_SECTORS, { expected: "before the end", seen: position });
  // Those under way end; no others begin.
  await pause(PAUSE_MS);
  const read = await sectorsRead(bench.disks.main);
  await pause(PAUSE_MS);
  checkEqual("sectors read later", await sectorsRead(bench.disks.main) - read, 0);
  checkEqual("position later", (await scans.status()).position, position);
  checkEqual("scan_progress", scans.rig.status().scanProgressPercent, progressPercent);
}

async function showsProgress(bench: ScanBench): Promise<void> {
  const scans = await bench.slow(DELAY_MS);
  const first = MAIN_SECTORS / 2;
  await scans.scan(`${first} ${MAIN_SECTORS - 1}`);
  const seen = new Set<number>();
  let last = 0;
  await scans.until("its end", ({ state, position, progressPercent }) => {
    const percent = Math.floor(100 * (Number(position) - first) / (MAIN_SECTORS - first));
    checkEqual("progress", progressPercent, percent);
    check("progress", percent >= last, { expected: `at least ${last}`, seen: percent });
    last = percent;
    seen.add(scans.rig.status().scanProgressPercent);
    return state === "done";
  });
  check("steps seen in the status", seen.size > 2, { expected: "more than two", seen: [...seen] });
  checkEqual("progress at the end", scans.rig.status().scanProgressPercent, 100);
}

async function pausesWhileSuspended(bench: ScanBench): Promise<void> {
  const { dm } = bench.stage;
  const scans = await bench.slow(DELAY_MS);
  const { rig } = scans;
  await scans.scan(`0 ${MAIN_SECTORS - 1}`);
  let position = await inTheMiddle(scans);
  for (const noflush of [false, true]) {
    await dm.suspend(rig.name, { noflush });
    try {
      const paused = await scans.status();
      checkEqual("the state while suspended", paused.state, "paused");
      check("position", paused.position >= position, {
        expected: `${position}`,
        seen: paused.position,
      });
      const read = await sectorsRead(rig.disks.main);
      await pause(PAUSE_MS);
      checkEqual("sectors read meanwhile", await sectorsRead(rig.disks.main) - read, 0);
      checkEqual("position meanwhile", (await scans.status()).position, paused.position);
      position = paused.position;
      await checkFails("a second scan", "EBUSY", () => scans.scan("0 7"));
    } finally {
      await dm.resume(rig.name);
    }
    await scans.until("something read after that", (scan) => scan.position > position);
  }
  const done = await scans.until("its end", ({ state }) => state !== "running");
  checkEqual("state, position", [done.state, done.position], ["done", BigInt(MAIN_SECTORS)]);
}

async function obeysWhileSuspended(bench: ScanBench): Promise<void> {
  const { dm } = bench.stage;
  const scans = await bench.rig({ fill: false });
  await dm.suspend(scans.rig.name);
  try {
    checkEqual("a start", (await scans.scan("0 99")).state, "paused");
    checkEqual("a stop", (await scans.scan("stop")).state, "stopped");
    checkEqual("another start", (await scans.scan("100 199")).state, "paused");
  } finally {
    await dm.resume(scans.rig.name);
  }
  const done = await scans.until("its end", ({ state }) => state === "done");
  checkEqual("its range", [done.start, done.end, done.position], [100n, 199n, 200n]);
}

async function survivesReloads(bench: ScanBench): Promise<void> {
  const scans = await bench.slow(DELAY_MS);
  const { rig } = scans;
  const before = await sectorsRead(rig.disks.main);
  await scans.scan(`0 ${MAIN_SECTORS - 1}`);
  let position = await inTheMiddle(scans);
  const rounds = 3;
  for (let round = 0; round < rounds; round++) {
    await swapTable(bench.stage.dm, rig.name, [rig.table]);
    const next = await scans.until("something read", (scan) => scan.position > position);
    checkEqual("its range", [next.start, next.end], [0n, BigInt(MAIN_SECTORS - 1)]);
    position = next.position;
  }
  const done = await scans.until("its end", ({ state }) => state !== "running");
  checkEqual("state, position", [done.state, done.position], ["done", BigInt(MAIN_SECTORS)]);
  const read = await sectorsRead(rig.disks.main) - before;
  check("sectors read in all", read >= MAIN_SECTORS && read <= MAIN_SECTORS + 2 * rounds * STEP, {
    expected: "each once, but for what was under way at a reload",
    seen: read,
  });
}

async function endsWithTheDevice(bench: ScanBench): Promise<void> {
  const { stage, disks } = bench;
  {
    await using scope = new Scope(stage.signal);
    const scans = await new ScanBench(scope, stage, disks).slow(DELAY_MS);
    await scans.scan(`0 ${MAIN_SECTORS - 1}`);
    await inTheMiddle(scans);
  }
  const read = await sectorsRead(disks.main);
  await pause(PAUSE_MS);
  checkEqual("sectors read after the removal", await sectorsRead(disks.main) - read, 0);
}

async function tells(bench: ScanBench): Promise<void> {
  const { dm } = bench.stage;
  const scans = await bench.slow(DELAY_MS);
  const { name } = scans.rig;
  const events = () => dm.info(name)!.eventNr;
  let seen = events();
  for (const [message, what] of [[`0 ${MAIN_SECTORS - 1}`, "start"], ["stop", "end"]] as const) {
    await scans.scan(message);
    seen = await dm.waitEvent(name, seen, AbortSignal.timeout(60_000));
    check(`an event at the ${what}`, seen > 0n, { expected: "its number", seen });
  }
}

export const CONTROL_CASES: readonly ScanCase[] = [
  { name: "start, stop and status answer", run: answers },
  { name: "wrong arguments: EINVAL", run: refuses },
  { name: "one at a time: EBUSY", run: onlyOne },
  { name: "a stop ends the reading", run: stops },
  { name: "progress grows, and ends at 100%", run: showsProgress },
  { name: "pauses while the device is suspended", run: pausesWhileSuspended },
  { name: "obeys while the device is suspended", run: obeysWhileSuspended },
  { name: "goes on over reloads of the table", run: survivesReloads },
  { name: "ends with the device", run: endsWithTheDevice },
  { name: "start and end are events", run: tells },
];
