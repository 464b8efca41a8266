// SPDX-License-Identifier: GPL-2.0-only
// Boots a guest in which guest/commands.ts holds every command against the real target.
import assert from "node:assert/strict";
import { join } from "node:path";
import { buildModule } from "../../cli/kmod/build.ts";
import { guestFailure, runGuest } from "../../cli/lab/guest.ts";
import { ensureKernel } from "../../cli/lab/kernels.ts";

const MIB = 1024 * 1024;
const BAD_SECTOR = 5000;

Deno.test("every command against the real target", async () => {
  const encoder = new TextEncoder();
  const log = (text: string) => void Deno.stderr.writeSync(encoder.encode(`${text.trimEnd()}\n`));
  const kernel = await ensureKernel("6.1", log);
  const module = await buildModule({ kdir: kernel.kdir, release: kernel.release });
  const here = import.meta.dirname ?? ".";
  const result = await runGuest({
    kernel,
    module: module.path,
    argv: [Deno.execPath(), "test", "-A", "-q", "--no-check", join(here, "guest", "commands.ts")],
    cwd: here,
    env: { NO_COLOR: "1" },
    disks: [
      { serial: "main", sizeBytes: 16 * MIB, faults: [{ iotype: "read", sector: BAD_SECTOR }] },
      { serial: "spare", sizeBytes: 16 * MIB },
    ],
    log,
  });
  const failure = guestFailure(result);
  assert.equal(failure, undefined, `${failure}\n${result.stdout}`);
});
