// SPDX-License-Identifier: GPL-2.0-only
//
// The program inside the guest: brings the device up, shows what it holds, and works until the end,
// which comes from outside.
import { parseArgs } from "node:util";
import { loadModule } from "../../../cli/kmod/load.ts";
import { Random } from "../../../cli/selftest/random.ts";
import { DeviceMapper } from "../../../ffi/libdevmapper.ts";
import { run } from "../../suite/guest/process.ts";
import { progress } from "../../suite/guest/records.ts";
import { geometryOf } from "../layout.ts";
import { MarkRecord, Rig } from "../rig.ts";
import { Worker, Workload } from "../workload.ts";

/** So much is done in a boot that nobody ends: the last. */
const PHASES = 2;
const OPERATIONS = 10;

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    boot: { type: "string", default: "0" },
    sequence: { type: "string", default: "1" },
    last: { type: "boolean", default: false },
  },
});
const seed = Number(values.seed);
const boot = Number(values.boot);

await loadModule({ parameters: ["max_remaps_per_minute=0"] });
await run("insmod", Deno.env.get("DMREMAP_BAD_SECTORS") ?? "lab_bad.ko");
{
  using dm = DeviceMapper.open();
  using record = new MarkRecord("/dev/lab/marks");
  await using rig = await Rig.create(dm, await Deno.realPath("/dev/lab/images"), 0, "linear");
  record.mark({ type: "setup", image: 0, geometry: geometryOf(seed) });
  const load = new Workload(rig, record, seed, Number(values.sequence), boot, false);
  progress("starts");
  await load.start();
  progress("works");
  const random = new Random(seed + boot);
  const workers = Worker.all(load, await rig.table());
  for (let phase = 0; values.last ? phase < PHASES : true; phase++) {
    await load.phase(OPERATIONS, random, workers);
  }
  await load.stop();
}
await run("rmmod", "lab_bad");
await run("rmmod", "dm_remap");
