// SPDX-License-Identifier: GPL-2.0-only
//
// The program inside the guest: every scenario, one after the other.
import { parseArgs } from "node:util";
import { loadModule } from "../../cli/kmod/load.ts";
import { DeviceMapper } from "../../ffi/libdevmapper.ts";
import { run } from "../suite/guest/process.ts";
import { progress, result } from "../suite/guest/records.ts";
import { runScenario, SCENARIOS } from "./scenarios.ts";

/** Moves in all scenarios together, unless the command line says otherwise. */
const USUAL_MOVES = SCENARIOS.reduce((sum, { moves }) => sum + moves, 0);

const { values } = parseArgs({
  options: {
    operations: { type: "string", default: `${USUAL_MOVES}` },
    seed: { type: "string", default: "1" },
    scenario: { type: "string", multiple: true, default: [] },
  },
});

await loadModule({ parameters: ["max_remaps_per_minute=0"] });
await run("insmod", Deno.env.get("DMREMAP_BAD_SECTORS") ?? "lab_bad.ko");
{
  using dm = DeviceMapper.open();
  for (const scenario of SCENARIOS) {
    const { name } = scenario;
    if (values.scenario.length > 0 && !values.scenario.includes(name)) continue;
    try {
      const share = Number(values.operations) / USUAL_MOVES;
      progress(`${name}: ${await runScenario(dm, scenario, Number(values.seed), share)}`);
      result(name);
    } catch (error) {
      result(name, error instanceof Error ? error.stack ?? error.message : String(error));
    }
  }
}
await run("rmmod", "lab_bad");
await run("rmmod", "dm_remap");
