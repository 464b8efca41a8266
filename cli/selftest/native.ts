// SPDX-License-Identifier: GPL-2.0-only
// Runs stages on this very kernel.
import { KernelLogMark } from "../../ffi/kernel_log.ts";
import { DeviceMapper } from "../../ffi/libdevmapper.ts";
import { hasDeviceMapper } from "../kmod/state.ts";
import { findComplaints } from "../lab/kernel_log.ts";
import type { Emit } from "./events.ts";
import { describeMissing } from "./programs.ts";
import { Scope } from "./scope.ts";
import { HungError, runStage, type Stage, type StageSettings } from "./stage.ts";

export interface NativeOptions {
  readonly stages: readonly Stage[];
  readonly settings: StageSettings;
  /** Where the disk images go; a directory of its own in there. */
  readonly workdir: string;
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

/** Why the stages cannot run on this kernel; undefined if they can. */
export function nativeObstacle(): string | undefined {
  if (!hasDeviceMapper() && !canLoadDeviceMapper()) return "this kernel has no device mapper";
  if (Deno.uid() !== 0) return "only root may load the module and make devices";
  return undefined;
}

/** Whether the driver is a module of this kernel's that is merely not loaded yet. */
function canLoadDeviceMapper(): boolean {
  try {
    const dep = Deno.readTextFileSync(`/lib/modules/${Deno.osRelease()}/modules.dep`);
    return /\/dm-mod\.ko/m.test(dep);
  } catch {
    return false;
  }
}

/** Runs the stages one after the other; what they find goes to `emit`. */
export async function runNative(options: NativeOptions): Promise<void> {
  const { stages, settings, signal, emit } = options;
  emit({
    event: "run",
    release: Deno.osRelease(),
    seed: settings.seed,
    stages: stages.map(({ name }) => name),
  });
  await using scope = new Scope();
  const workdir = await Deno.makeTempDir({ dir: options.workdir, prefix: "dmremap-selftest-" });
  scope.defer(workdir, () => Deno.remove(workdir, { recursive: true }));
  const dm = scope.use("the device mapper", DeviceMapper.open());
  using log = KernelLogMark.atEnd();
  try {
    for (const stage of stages) {
      const missing = describeMissing(stage.programs);
      if (missing === undefined) {
        await runStage(stage, { dm, workdir, settings, signal, emit });
      } else {
        const outcome = "skipped";
        emit({ event: "stage-end", stage: stage.name, outcome, ms: 0, detail: missing });
      }
      const complaints = findComplaints((log?.read() ?? []).join("\n"));
      for (const text of complaints) emit({ event: "complaint", text });
    }
    emit({ event: "end" });
  } catch (error) {
    // A hung case has been told already, and nothing more can be learnt here.
    if (!(error instanceof HungError)) throw error;
  }
}
