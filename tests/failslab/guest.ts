// SPDX-License-Identifier: GPL-2.0-only
//
// The program inside the guest: every operation, allocation by allocation.
import { parseArgs } from "node:util";
import { loadModule } from "../../cli/kmod/load.ts";
import { DeviceMapper } from "../../ffi/libdevmapper.ts";
import { sendCounters } from "../coverage/counters.ts";
import { run } from "../suite/guest/process.ts";
import { progress, result, sendRecord } from "../suite/guest/records.ts";
import { Rig } from "../sweep/rig.ts";
import { exhaust } from "./exhaust.ts";
import { sites, watch } from "./injector.ts";
import { OPERATIONS } from "./operations.ts";

const MODULE = "dm_remap";

const { values } = parseArgs({
  options: {
    operation: { type: "string", multiple: true, default: [] },
    all: { type: "boolean", default: false },
  },
});
const operations = OPERATIONS.filter(({ name }) =>
  values.operation.length === 0 || values.operation.some((word) => name.startsWith(word))
);
if (operations.length === 0) throw new Error("nothing of that name");

/** In how many operations each place has failed. */
const spent = new Map<string, number>();

await run("modprobe", "brd", "rd_nr=4", "rd_size=512");
// Tables come and go all the time, and wait for nothing else.
Deno.writeTextFileSync("/sys/kernel/rcu_expedited", "1");
await loadModule();
await run("insmod", Deno.env.get("SWEEP_MODULE") ?? "sweep_nth.ko");
await run("insmod", Deno.env.get("ALLOC_MODULE") ?? "alloc_nth.ko");
watch(MODULE);
{
  using dm = DeviceMapper.open();
  await using rig = await Rig.create(dm, 0);
  for (const operation of operations) {
    const met = operation.whole === true ? new Map<string, number>() : spent;
    const { allocations, faults, failures, seconds } = await exhaust(
      rig,
      operation,
      values.all ? undefined : met,
    );
    progress(
      `${operation.name}: ${faults} faults at ${allocations} allocations in ${
        seconds.toFixed(1)
      } s`,
    );
    result(operation.name, failures.length === 0 ? undefined : failures.join("\n"));
  }
}
for (const site of sites(MODULE)) sendRecord(site);
await run("rmmod", "alloc_nth");
await run("rmmod", MODULE);
await run("rmmod", "sweep_nth");
sendCounters();
