// SPDX-License-Identifier: GPL-2.0-only
//
// Bundles a guest program, runs it in the lab, and counts what it reports.
import { buildModule } from "../../../cli/kmod/build.ts";
import { guestFailure, type GuestOptions, runGuest } from "../../../cli/lab/guest.ts";
import { ensureKernel } from "../../../cli/lab/kernels.ts";
import {
  ensurePackages,
  GUEST_PACKAGES,
  MODULE_BUILD_PACKAGES,
} from "../../../cli/lab/packages.ts";
import { run } from "./process.ts";
import { isGuestRecord } from "./records.ts";
import { buildBadSectors } from "./test_module.ts";

export interface InGuestOptions {
  /** The guest program's source. */
  readonly program: string;
  readonly args: readonly string[];
  /** As the lab names it. */
  readonly kernel: string;
  /** A module to load instead of the one that the sources make. */
  readonly module?: string | undefined;
  readonly timeoutSeconds: number;
  readonly disks?: NonNullable<GuestOptions["disks"]>;
  /** As in `GuestOptions`. */
  readonly share?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Told of each record of the guest; results are counted all the same. */
  readonly onRecord?: (record: unknown) => void;
}

const encoder = new TextEncoder();
const started = performance.now();

export function log(text: string): void {
  const seconds = Math.round((performance.now() - started) / 1000);
  Deno.stderr.writeSync(encoder.encode(`[${seconds} s] ${text.trimEnd()}\n`));
}

/** Prints what a run ends with: what has failed, once more, and the sum. */
function summarize(passed: number, failures: readonly string[]): number {
  for (const failure of failures) log(`FAILED ${failure.split("\n").slice(0, 4).join("\n")}`);
  Deno.stdout.writeSync(encoder.encode(`${passed} passed, ${failures.length} failed\n`));
  return failures.length === 0 ? 0 : 1;
}

/** Runs the program; every result it reports counts, and so does what the kernel says. */
export async function runInGuest(options: InGuestOptions): Promise<number> {
  let passed = 0;
  const failures: string[] = [];
  const take = (record: unknown): void => {
    options.onRecord?.(record);
    if (!isGuestRecord(record)) return;
    if (record.type === "progress") return log(record.text);
    if (record.error === undefined) {
      log(`${record.name}: passed`);
      passed++;
    } else {
      log(`FAILED ${record.name}: ${record.error}`);
      failures.push(`${record.name}: ${record.error}`);
    }
  };
  await ensurePackages([...GUEST_PACKAGES, ...MODULE_BUILD_PACKAGES], log);
  const kernel = await ensureKernel(options.kernel, log);
  const { kdir, release } = kernel;
  const module = options.module ?? (await buildModule({ kdir, release, onStep: log })).path;
  const dir = await Deno.makeTempDir({ prefix: "dmremap-guest-" });
  try {
    const program = `${dir}/guest.js`;
    await run(Deno.execPath(), "bundle", "-q", "--platform=deno", `-o=${program}`, options.program);
    const badSectors = await buildBadSectors(kernel, dir);
    log(`booting ${release}`);
    const result = await runGuest({
      kernel,
      module,
      argv: [Deno.execPath(), "run", "-A", "--no-config", program, ...options.args],
      share: [dir, ...options.share ?? []],
      env: { DMREMAP_BAD_SECTORS: badSectors, ...options.env },
      timeoutSeconds: options.timeoutSeconds,
      onRecord: take,
      onStdout: log,
      log,
      ...(options.disks === undefined ? {} : { disks: options.disks }),
    });
    const failure = guestFailure(result);
    if (failure === undefined) passed++;
    else {
      log(failure);
      log(result.kernelLog.split("\n").slice(-150).join("\n"));
      failures.push(`the guest: ${failure}`);
    }
    return summarize(passed, failures);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}
