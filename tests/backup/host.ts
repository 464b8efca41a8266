// SPDX-License-Identifier: GPL-2.0-only
/**
 * Snapshots and backups of real devices, in one guest: `deno run -A tests/backup/host.ts [--kernel ID]
 * [--tool FILE] [--module FILE]`. In the end Debian's cron runs what deploy/ has for it, with the
 * packed file. Takes dist/dmremap-ts.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildModule } from "../../cli/kmod/build.ts";
import { guestFailure, runGuest } from "../../cli/lab/guest.ts";
import { ensureKernel } from "../../cli/lab/kernels.ts";
import { ensurePackages, STAGE_PACKAGES } from "../../cli/lab/packages.ts";
import { BAD_SECTOR } from "./guest/layout.ts";

const MIB = 1024 * 1024;
const root = join(import.meta.dirname ?? ".", "..", "..");
const encoder = new TextEncoder();
const say = (text: string) => Deno.stdout.writeSync(encoder.encode(text));
const log = (text: string) => Deno.stderr.writeSync(encoder.encode(`${text.trimEnd()}\n`));

const { values } = parseArgs({
  options: {
    kernel: { type: "string", default: "6.1" },
    tool: { type: "string", default: join(root, "dist/dmremap-ts") },
    module: { type: "string" },
  },
});

await ensurePackages([...STAGE_PACKAGES, "cron", "procps"], log);
const kernel = await ensureKernel(values.kernel, log);
const module = values.module === undefined
  ? (await buildModule({ kdir: kernel.kdir, release: kernel.release })).path
  : await Deno.realPath(values.module);
const tool = await Deno.realPath(values.tool);
const result = await runGuest({
  kernel,
  module,
  argv: [Deno.execPath(), "test", "-A", "--no-check", join(root, "tests/backup/guest/steps.ts")],
  cwd: root,
  env: { NO_COLOR: "1", DMREMAP_BIN: tool },
  disks: [
    { serial: "main", sizeBytes: 64 * MIB, faults: [{ iotype: "read", sector: BAD_SECTOR }] },
    { serial: "spare", sizeBytes: 16 * MIB },
    { serial: "other", sizeBytes: 16 * MIB },
    { serial: "room", sizeBytes: 16 * MIB },
  ],
  share: [tool.slice(0, tool.lastIndexOf("/"))],
  timeoutSeconds: 400,
  onStdout: say,
  log,
});
const failure = guestFailure(result);
if (failure !== undefined) say(`${failure}\n`);
const steps = [...result.stdout.replaceAll("\r", "").matchAll(/^.* \.\.\. (ok|FAILED)\b/gm)];
const passed = steps.filter(([, verdict]) => verdict === "ok").length;
const failed = steps.length - passed + (failure === undefined && passed > 0 ? 0 : 1);
say(`${passed} passed, ${failed} failed\n`);
Deno.exit(failed === 0 ? 0 : 1);
