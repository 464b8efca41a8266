// SPDX-License-Identifier: GPL-2.0-only
//
// In the guest: migrations to the other spare and back, while everybody else goes on.
import type { RemapDevice } from "../../cli/device/remap_device.ts";
import { checkMatch, codeOf } from "../../cli/selftest/check.ts";
import type { Random } from "../../cli/selftest/random.ts";
import type { Workload } from "./workload.ts";

const MOST = 3;
const POLL_MS = 2;
const STOP_MS = 10;

/** Some migrations, one after the other; each may be stopped, or may meet a slot that refuses writes. */
export async function migrations(load: Workload, random: Random): Promise<void> {
  const count = random.between(1, MOST);
  for (let index = 0; index < count; index++) {
    await load.rig.wipeOther();
    const dice = random.below(6);
    if (dice === 0) await load.rig.breakOther(random);
    await migrate(load, dice === 1 ? random.below(STOP_MS) : undefined);
  }
}

/** @param stopMs after which it is told to stop, which it may not do in time */
async function migrate(load: Workload, stopMs: number | undefined): Promise<void> {
  const { ok } = await load.run("migrate", [], async () => {
    const { target, migrateMessage } = load.rig;
    await target.send(migrateMessage);
    if (stopMs !== undefined) {
      await pause(stopMs);
      await stop(target);
    }
    return { ok: await end(load) === "done" };
  });
  if (ok) load.rig.migrated();
}

/** It may have come to its end before. */
async function stop(target: RemapDevice): Promise<void> {
  try {
    await target.send("migrate stop");
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
}

/** How it has ended. */
async function end(load: Workload): Promise<string> {
  for (;;) {
    const reply = await load.rig.target.send("migrate status");
    const [, state = ""] = checkMatch("the state of the migration", reply, /^migrate=(\w+) /);
    if (state !== "running") return state;
    await pause(POLL_MS);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
