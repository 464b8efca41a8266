// SPDX-License-Identifier: GPL-2.0-only
// Suspend and resume: I/O waits and nothing is forgotten.
import { check, checkEqual } from "../check.ts";
import { position } from "../content.ts";
import { makeSectors, SECTOR } from "../pattern.ts";
import { inBackground } from "../tasks.ts";
import type { Bench, FunctionalCase } from "./bench.ts";

const PAUSE_MS = 300;
const ENOUGH_WRITES = 10;
/** An answer that comes later is none. */
const AT_ONCE_MS = 20_000;

async function answersWhileSuspended(bench: Bench): Promise<void> {
  const rig = await bench.rig();
  await rig.relocate(10, 5);
  const before = rig.statusLine();
  await bench.dm.suspend(rig.name);
  checkEqual("the status while suspended", rig.statusLine(), before);
  checkEqual("verify while suspended", (await rig.places(0, 100)).length, 3);
  checkEqual("ping while suspended", await rig.send("ping"), "pong");
  await bench.dm.resume(rig.name);
  checkEqual("the status after the resume", rig.statusLine(), before);
  await rig.check("content after the resume");
}

async function holdsRequests(bench: Bench): Promise<void> {
  const rig = await bench.rig();
  await rig.relocate(10, 5);
  for (const noflush of [false, true]) {
    await bench.dm.suspend(rig.name, { noflush });
    // Whatever happens now, the device must not stay suspended under waiting requests.
    let ended = 0;
    const writes = [0, 12, 500].map((first) => rig.write(first, 4).then(() => ended++));
    const work = inBackground(writes);
    try {
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      checkEqual("writes that ended on a suspended device", ended, 0);
    } finally {
      await bench.dm.resume(rig.name);
    }
    await work;
    await rig.check("content written through a suspend");
  }
}

async function suspendsUnderLoad(bench: Bench): Promise<void> {
  const rig = await bench.rig({ length: 2048 });
  let running = true;
  let writes = 0;
  const writers = [0, 1, 2, 3].map(async (writer) => {
    while (running) {
      await rig.write(512 * writer + 8 * (writes % 64), 8);
      writes++;
    }
  });
  const writing = inBackground(writers);
  try {
    // On and on until the writers have had their turn, however slow the machine is.
    for (let round = 0; round < 10 || writes <= ENOUGH_WRITES && round < 1000; round++) {
      // Refused if the suspend comes first; both are right.
      const moved = rig.send(`remap ${round % 10 * 100} 50`).catch(() => {});
      await bench.dm.suspend(rig.name, { noflush: round % 2 === 1 }).finally(() => {
        return bench.dm.resume(rig.name);
      });
      await moved;
    }
  } finally {
    running = false;
    await writing;
  }
  check("writes meanwhile", writes > ENOUGH_WRITES, {
    expected: `more than ${ENOUGH_WRITES}`,
    seen: writes,
  });
  await rig.check("content after suspends under load");
}

async function refusesNowaitWhileSuspended(bench: Bench): Promise<void> {
  const rig = await bench.rig();
  await bench.dm.suspend(rig.name);
  let seen = "";
  try {
    const read = rig.file.read(position(0), SECTOR, { nowait: true });
    const late = new Promise<string>((resolve) => setTimeout(() => resolve("waits"), AT_ONCE_MS));
    seen = await Promise.race([read.then(() => "bytes", (error) => String(error.code)), late]);
    checkEqual("a read with RWF_NOWAIT on a suspended device", seen, "EAGAIN");
  } finally {
    await bench.dm.resume(rig.name);
  }
  await rig.file.write(position(0), makeSectors(0, 1, rig.content.generation(0)));
}

export const SUSPEND_CASES: readonly FunctionalCase[] = [
  { name: "status, verify and ping answer while suspended", run: answersWhileSuspended },
  { name: "requests wait for the resume", run: holdsRequests },
  { name: "NOWAIT requests do not wait for it", run: refusesNowaitWhileSuspended },
  { name: "suspends under writes and relocations", run: suspendsUnderLoad },
];
