// SPDX-License-Identifier: GPL-2.0-only
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { buildModule } from "../../cli/kmod/build.ts";
import { type GuestDisk, guestFailure, runGuest } from "../../cli/lab/guest.ts";
import { ensureKernel } from "../../cli/lab/kernels.ts";
import { ensurePackages, STAGE_PACKAGES } from "../../cli/lab/packages.ts";
import { countsInOutput, judge } from "./counts.ts";
import { say } from "./output.ts";

const root = join(import.meta.dirname ?? ".", "..", "..");

/** Steps that build on each other: a file of Deno tests, run in one guest with the packed file. */
export interface GuestSteps {
  /** Where they are. */
  readonly path: string;
  readonly disks: readonly GuestDisk[];
  /** Besides those that every stage needs. */
  readonly packages?: readonly string[];
  readonly timeoutSeconds: number;
}

/**
 * Runs them as the command line says (`[--kernel ID] [--tool FILE] [--module FILE]`), and says
 * `N passed, N failed` in the end. Gives the exit code.
 */
export async function runStepsInGuest(steps: GuestSteps): Promise<number> {
  const { values } = parseArgs({
    options: {
      kernel: { type: "string", default: "6.1" },
      tool: { type: "string", default: join(root, "dist/dmremap-ts") },
      module: { type: "string" },
    },
  });
  await ensurePackages([...STAGE_PACKAGES, ...steps.packages ?? []], log);
  const kernel = await ensureKernel(values.kernel, log);
  const module = values.module === undefined
    ? (await buildModule({ kdir: kernel.kdir, release: kernel.release })).path
    : await Deno.realPath(values.module);
  const tool = await Deno.realPath(values.tool);
  const result = await runGuest({
    kernel,
    module,
    argv: [Deno.execPath(), "test", "-A", "--no-check", steps.path],
    cwd: root,
    env: { NO_COLOR: "1", DMREMAP_BIN: tool },
    disks: steps.disks,
    share: [dirname(tool)],
    timeoutSeconds: steps.timeoutSeconds,
    onStdout: say,
    log,
  });
  const failure = guestFailure(result);
  if (failure !== undefined) say(`${failure}\n`);
  const { passed, failed } = judge(countsInOutput(result.stdout), failure === undefined ? 0 : 1);
  say(`${passed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}

function log(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${text.trimEnd()}\n`));
}
