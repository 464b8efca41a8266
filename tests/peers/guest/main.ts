// SPDX-License-Identifier: GPL-2.0-only
//
// The program inside the guest: one part.
import { parseArgs } from "node:util";
import { loadModule } from "../../../cli/kmod/load.ts";
import { DeviceMapper } from "../../../ffi/libdevmapper.ts";
import { run } from "../../suite/guest/process.ts";
import { result } from "../../suite/guest/records.ts";
import { fioPart } from "./fio.ts";
import { blockPart } from "./block.ts";
import { crashRecordPart } from "./crash_record.ts";
import { crashReplayPart } from "./crash_replay.ts";
import { integrityPart } from "./integrity.ts";
import { lvmPart } from "./lvm.ts";
import { mdPart } from "./md.ts";
import { stressPart } from "./stress.ts";
import { type PartContext, StepFailed, steps } from "./steps.ts";

const { values } = parseArgs({
  options: {
    part: { type: "string", default: "" },
    case: { type: "string", default: "" },
    full: { type: "boolean", default: false },
    "file-system": { type: "string", default: "" },
    operations: { type: "string", default: "0" },
    states: { type: "string", default: "" },
  },
});

/** What the host calls parts, but that the two halves of a crash are two. */
const PARTS: Readonly<Record<string, (context: PartContext) => Promise<void>>> = {
  fio: fioPart,
  stress: stressPart,
  lvm: lvmPart,
  md: mdPart,
  integrity: integrityPart,
  block: blockPart,
  "crash-record": (context) => {
    return crashRecordPart(context, values["file-system"], Number(values.operations));
  },
  "crash-replay": (context) => crashReplayPart(context, values["file-system"], values.states),
};

// No brake: the disks are bad enough to meet it.
await loadModule({ parameters: ["max_remaps_per_minute=0"] });
await run("insmod", Deno.env.get("DMREMAP_BAD_SECTORS") ?? "lab_bad.ko");
{
  using dm = DeviceMapper.open();
  const { part, full, case: only } = values;
  try {
    const action = PARTS[part];
    if (action === undefined) throw new Error(`there is no part "${part}"`);
    await action({ dm, full, only, step: steps(part) });
  } catch (error) {
    if (!(error instanceof StepFailed)) {
      result(part, error instanceof Error ? error.stack : String(error));
    }
  }
}
await run("rmmod", "lab_bad");
await run("rmmod", "dm_remap");
