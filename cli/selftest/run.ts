// SPDX-License-Identifier: GPL-2.0-only
// A run of the selftest: on this kernel, or on others in virtual machines.
import type { Log } from "../lab/exec.ts";
import type { Emit } from "./events.ts";
import { messageOf } from "./check.ts";
import { runNative } from "./native.ts";
import { RunRecorder, type RunResult } from "./report.ts";
import type { Stage, StageSettings } from "./stage.ts";
import { runInGuest } from "./vm.ts";

export interface SelftestOptions {
  readonly stages: readonly Stage[];
  readonly settings: StageSettings;
  readonly signal: AbortSignal;
  /** Told when something that takes time starts. */
  readonly log: Log;
  /** Sees every event as it comes. */
  readonly watch: Emit;
}

export async function runHere(options: SelftestOptions, workdir: string): Promise<RunResult> {
  const names = options.stages.map(({ name }) => name);
  const { seed } = options.settings;
  const recorder = new RunRecorder("native", "native", seed, names);
  const start = performance.now();
  let trouble: string | undefined;
  try {
    await runNative({ ...options, workdir, emit: both(recorder, options.watch) });
  } catch (error) {
    options.signal.throwIfAborted();
    trouble = messageOf(error);
  }
  return recorder.finish({ seconds: (performance.now() - start) / 1000, trouble });
}

/** @param args what to hand to `selftest` in the guest, so that it runs the same */
export async function runInVm(
  options: SelftestOptions,
  kernel: string,
  args: readonly string[],
): Promise<RunResult> {
  const names = options.stages.map(({ name }) => name);
  const { seed, stressSeconds } = options.settings;
  const recorder = new RunRecorder(kernel, "guest", seed, names);
  const start = performance.now();
  const outcome = await runInGuest({
    kernel,
    args,
    disks: options.stages.flatMap(({ guestDisks }) => guestDisks ?? []),
    timeoutSeconds: GUEST_TIMEOUT_SECONDS + 4 * stressSeconds,
    signal: options.signal,
    log: options.log,
    emit: both(recorder, options.watch),
  });
  return recorder.finish({ seconds: (performance.now() - start) / 1000, ...outcome });
}

/** Far beyond what the stages take, even on a kernel with every check switched on. */
const GUEST_TIMEOUT_SECONDS = 3500;

function both(recorder: RunRecorder, watch: Emit): Emit {
  return (event) => {
    recorder.take(event);
    watch(event);
  };
}
