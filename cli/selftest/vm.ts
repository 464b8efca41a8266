// SPDX-License-Identifier: GPL-2.0-only
// Runs stages in a virtual machine: this same program, in a guest of the lab.
import { join } from "node:path";
import { isPacked } from "../embed/payload.ts";
import { buildModule } from "../kmod/build.ts";
import type { Log } from "../lab/exec.ts";
import { type GuestDisk, guestFailure, type GuestResult, runGuest } from "../lab/guest.ts";
import { ensureKernel, type Kernel } from "../lab/kernels.ts";
import { ensurePackages, STAGE_PACKAGES } from "../lab/packages.ts";
import { type Emit, readEvent } from "./events.ts";
import { FAULT_DISKS_VARIABLE } from "./stages/errors/here.ts";

export interface GuestRunOptions {
  /** As {@linkcode ensureKernel} takes it. */
  readonly kernel: string;
  /** What to hand to `selftest` in the guest. */
  readonly args: readonly string[];
  /** What the stages need beside their own loop devices; the guest has them as /dev/lab/<serial>. */
  readonly disks: readonly GuestDisk[];
  readonly timeoutSeconds: number;
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly emit: Emit;
}

/** Enough for the disks, which are in memory there; more would only give kmemleak more to scan. */
const MEMORY_MIB = 1536;

export interface GuestOutcome {
  readonly complaints: readonly string[];
  readonly trouble?: string;
}

/** Builds the module for a kernel, boots it and runs the stages there. */
export async function runInGuest(options: GuestRunOptions): Promise<GuestOutcome> {
  const { signal, log, emit } = options;
  await ensurePackages(STAGE_PACKAGES, log);
  const kernel = await ensureKernel(options.kernel, log);
  const module = await buildModule({
    release: kernel.release,
    kdir: kernel.kdir,
    signal,
    onStep: log,
  });
  log(`booting ${kernel.release} in a virtual machine`);
  let unreadable = 0;
  const result = await runGuest({
    kernel,
    module: module.path,
    memoryMiB: MEMORY_MIB,
    argv: [...selfCommand(), "selftest", ...options.args, "--native", "--events"],
    share: selfDirectories(),
    disks: options.disks,
    env: { [FAULT_DISKS_VARIABLE]: options.disks.length > 0 ? "1" : "0" },
    timeoutSeconds: options.timeoutSeconds,
    signal,
    log,
    onRecord: (record) => {
      const event = readEvent(record);
      if (event === undefined) unreadable++;
      else emit(event);
    },
  });
  const trouble = troubleOf(result, kernel, unreadable);
  return { complaints: result.complaints, ...trouble === undefined ? {} : { trouble } };
}

/** How this program is started: the packed file, or Deno with the sources. */
function selfCommand(): string[] {
  const packed = Deno.env.get("DMREMAP_SELF");
  if (isPacked() && packed !== undefined) return [packed];
  const main = join(import.meta.dirname ?? ".", "..", "main.ts");
  return [Deno.execPath(), "run", "--allow-all", "--no-check", main];
}

function selfDirectories(): string[] {
  return isPacked() ? [] : [join(import.meta.dirname ?? ".", "..", "..")];
}

/** What went wrong beside what the events and the kernel's complaints tell. */
function troubleOf(result: GuestResult, kernel: Kernel, unreadable: number): string | undefined {
  if (unreadable > 0) return `${unreadable} records from the guest could not be understood`;
  if (result.exitCode === 0 || result.exitCode === 1) {
    // 1 says that a stage failed, and the events say which; unless they say nothing at all.
    return result.records.length > 0 ? undefined : lastWords(result);
  }
  if (result.complaints.length > 0 && !result.timedOut) return `${kernel.release} did not survive`;
  return [guestFailure(result), lastWords(result)].filter(Boolean).join("\n");
}

function lastWords(result: GuestResult): string {
  return result.stdout.trimEnd().split("\n").slice(-15).join("\n");
}
