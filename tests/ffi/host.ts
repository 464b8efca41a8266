// SPDX-License-Identifier: GPL-2.0-only
// Runs the tests below guest/ in a guest: `deno run -A tests/ffi/host.ts [--kernel ID]`.
import { buildModule } from "../../cli/kmod/build.ts";
import { guestFailure, runGuest } from "../../cli/lab/guest.ts";
import { ensureKernel } from "../../cli/lab/kernels.ts";
import { ensurePackages, STAGE_PACKAGES } from "../../cli/lab/packages.ts";
import { countsInOutput, judge } from "../suite/counts.ts";
import { say } from "../suite/output.ts";

const MIB = 1024 * 1024;
const SUITES = ["device_mapper.ts", "surroundings.ts", "refusals.ts", "remap_device.ts"];

const encoder = new TextEncoder();
const log = (text: string) => Deno.stderr.writeSync(encoder.encode(`${text.trimEnd()}\n`));

async function main(): Promise<number> {
  await ensurePackages([...STAGE_PACKAGES, "udev"], log);
  const at = Deno.args.indexOf("--kernel");
  const kernel = await ensureKernel(at < 0 ? "6.1" : Deno.args[at + 1] ?? "", log);
  const module = await buildModule({ kdir: kernel.kdir, release: kernel.release });
  const here = import.meta.dirname ?? ".";
  const result = await runGuest({
    kernel,
    module: module.path,
    argv: [Deno.execPath(), "test", "-A", ...SUITES.map((name) => `${here}/guest/${name}`)],
    cwd: here,
    disks: [
      { serial: "main", sizeBytes: 64 * MIB },
      { serial: "spare", sizeBytes: 16 * MIB },
      { serial: "coarse", sizeBytes: 16 * MIB, logicalBlockBytes: 4096, physicalBlockBytes: 4096 },
    ],
    timeoutSeconds: 1000,
    onStdout: say,
    log,
  });
  const failure = guestFailure(result);
  if (failure !== undefined) say(`\n${failure}\n`);
  const { passed, failed } = judge(countsInOutput(result.stdout), failure === undefined ? 0 : 1);
  say(`${passed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}

Deno.exit(await main());
