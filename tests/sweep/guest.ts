// SPDX-License-Identifier: GPL-2.0-only
//
// The program inside the guest: every operation, request by request.
import { parseArgs } from "node:util";
import { loadModule } from "../../cli/kmod/load.ts";
import { DeviceMapper } from "../../ffi/libdevmapper.ts";
import { run } from "../suite/guest/process.ts";
import { progress, result } from "../suite/guest/records.ts";
import { OPERATIONS } from "./operations.ts";
import { Rig } from "./rig.ts";
import type { Operation } from "./scenes.ts";
import { ALL_WAYS, type Effort, nameWay, sweep, type SweepFailure } from "./sweep.ts";

const { values } = parseArgs({
  options: {
    operation: { type: "string", multiple: true, default: [] },
    way: { type: "string", multiple: true, default: [] },
    all: { type: "boolean", default: false },
    thorough: { type: "boolean", default: false },
    short: { type: "boolean", default: false },
    lanes: { type: "string", default: "4" },
  },
});

const lanes = Number(values.lanes);
const effort: Effort = values.thorough ? "thorough" : values.short ? "short" : "usual";
const ways = values.all
  ? ALL_WAYS
  : values.way.length === 0
  ? effort
  : ALL_WAYS.filter((way) => values.way.includes(nameWay(way)));
const operations = OPERATIONS.filter(({ name, short }) =>
  (!values.short || short === true) &&
  (values.operation.length === 0 || values.operation.some((word) => name.startsWith(word)))
);
if (operations.length === 0 || ways.length === 0) throw new Error("nothing of that name");

/** What waits is shown in the kernel log, and the machine ends: nothing can be cleaned up any more. */
function giveUp(): never {
  for (const key of ["w", "o"]) Deno.writeTextFileSync("/proc/sysrq-trigger", key);
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
}

async function sweepOne(rig: Rig, operation: Operation): Promise<number> {
  const failures: string[] = [];
  const note = (failure: SweepFailure) => {
    failures.push(failure.message);
    progress(
      `FAILED ${operation.name}: ${failure.message}\n${(failure.cause as Error)?.stack ?? ""}`,
    );
    if (!failure.hung) return;
    result(operation.name, failures.join("\n"));
    giveUp();
  };
  const swept = await sweep(rig, operation, ways, note);
  const { faults, requests, seconds } = swept;
  progress(
    `${operation.name}: ${faults} faults at ${requests} requests in ${seconds.toFixed(1)} s`,
  );
  result(operation.name, failures.length === 0 ? undefined : failures.join("\n"));
  return faults;
}

await run("modprobe", "brd", `rd_nr=${2 * lanes}`, "rd_size=512");
// Tables come and go all the time, and wait for nothing else.
Deno.writeTextFileSync("/sys/kernel/rcu_expedited", "1");
await loadModule();
await run("insmod", Deno.env.get("SWEEP_MODULE") ?? "sweep_nth.ko");
{
  using dm = DeviceMapper.open();
  const queue = [...operations];
  const totals = await Promise.all(Array.from({ length: lanes }, async (_, group) => {
    await using rig = await Rig.create(dm, group);
    let faults = 0;
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      faults += await sweepOne(rig, next);
    }
    return faults;
  }));
  const total = totals.reduce((all, faults) => all + faults, 0);
  progress(`${operations.length} operations, ${total} faults`);
}
await run("rmmod", "dm_remap");
await run("rmmod", "sweep_nth");
