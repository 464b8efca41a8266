// SPDX-License-Identifier: GPL-2.0-only
//
// The program inside the guest: brings each image to life, works on it, and records what is written.
import { parseArgs } from "node:util";
import { loadModule } from "../../cli/kmod/load.ts";
import { Random } from "../../cli/selftest/random.ts";
import { DeviceMapper } from "../../ffi/libdevmapper.ts";
import { run } from "../suite/guest/process.ts";
import { progress, result } from "../suite/guest/records.ts";
import { geometryOf } from "./layout.ts";
import { Rig, WriteRecord } from "./rig.ts";
import { Worker, Workload } from "./workload.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    images: { type: "string", default: "1" },
    phases: { type: "string", default: "1" },
    operations: { type: "string", default: "20" },
    sequence: { type: "string", default: "1" },
    migrations: { type: "boolean", default: false },
  },
});
const seed = Number(values.seed);
const sequence = Number(values.sequence);

async function live(dm: DeviceMapper, record: WriteRecord, image: number): Promise<void> {
  await using rig = await Rig.create(dm, await Deno.realPath("/dev/lab/images"), image, "lab_log");
  record.mark({ type: "setup", image, geometry: geometryOf(seed) });
  const random = new Random(seed + image);
  const { migrations } = values;
  const load = new Workload(rig, record, seed, sequence, sequence + image, migrations);
  await load.start();
  const workers = Worker.all(load, await rig.table());
  for (let phase = 0; phase < Number(values.phases); phase++) {
    await load.phase(Number(values.operations), random, workers);
  }
  const stats = await rig.target.stats();
  const told = ["generation", "commits", "checkpoints", "metadata_writes", "spare_bad", "lost"];
  progress(`image ${image}: ${told.map((key) => `${key} ${stats.get(key)}`).join(", ")}`);
  await load.stop();
}

await loadModule({ parameters: ["max_remaps_per_minute=0"] });
await run("insmod", Deno.env.get("DMREMAP_BAD_SECTORS") ?? "lab_bad.ko");
await run("insmod", Deno.env.get("DMREMAP_WRITE_LOG") ?? "lab_log.ko");
{
  using dm = DeviceMapper.open();
  using record = new WriteRecord("/dev/lab/record");
  for (let image = 0; image < Number(values.images); image++) {
    try {
      await live(dm, record, image);
    } catch (error) {
      result(`image ${image}`, error instanceof Error ? error.stack : String(error));
      break;
    }
  }
}
await run("rmmod", "lab_log");
await run("rmmod", "lab_bad");
await run("rmmod", "dm_remap");
