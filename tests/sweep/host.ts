// SPDX-License-Identifier: GPL-2.0-only
//
// The sweep: the Nth request that reaches a device fails, for every N, during each operation.
//
//   deno run -A tests/sweep/host.ts [--kernel 6.1|6.12|debug|IMAGE] [--operation NAME]...
//     [--all | --thorough | --way MODE-STATUS[-parked]...] [--short] [--lanes N] [--module FILE.ko]
//
// `--short`: few operations, fewer ways of failing; with --thorough few operations only.
import { parseArgs } from "node:util";
import { ensureKernel } from "../../cli/lab/kernels.ts";
import { ensurePackages, MODULE_BUILD_PACKAGES } from "../../cli/lab/packages.ts";
import { log, runInGuest } from "../suite/guest/in_guest.ts";
import { buildTestModule } from "../suite/guest/test_module.ts";

const { values } = parseArgs({
  options: {
    kernel: { type: "string", default: "6.1" },
    operation: { type: "string", multiple: true, default: [] },
    way: { type: "string", multiple: true, default: [] },
    all: { type: "boolean", default: false },
    thorough: { type: "boolean", default: false },
    short: { type: "boolean", default: false },
    lanes: { type: "string", default: "4" },
    module: { type: "string" },
    timeout: { type: "string", default: "1200" },
  },
});

/** The target that fails requests, built for the kernel in `dir`. */
async function buildSweepModule(dir: string): Promise<string> {
  await ensurePackages(MODULE_BUILD_PACKAGES, log);
  return await buildTestModule(await ensureKernel(values.kernel, log), "sweep", "sweep_nth", dir);
}

const dir = await Deno.makeTempDir({ prefix: "dmremap-sweep-" });
let code: number;
try {
  code = await runInGuest({
    program: new URL("guest.ts", import.meta.url).pathname,
    args: [
      ...values.operation.flatMap((name) => ["--operation", name]),
      ...values.way.flatMap((name) => ["--way", name]),
      ...(values.all ? ["--all"] : []),
      ...(values.thorough ? ["--thorough"] : []),
      ...(values.short ? ["--short"] : []),
      ...["--lanes", values.lanes],
    ],
    kernel: values.kernel,
    module: values.module,
    share: [dir],
    env: { SWEEP_MODULE: await buildSweepModule(dir) },
    timeoutSeconds: Number(values.timeout),
  });
} finally {
  await Deno.remove(dir, { recursive: true });
}
Deno.exit(code);
