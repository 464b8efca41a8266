// SPDX-License-Identifier: GPL-2.0-only
/**
 * Snapshots and backups of real devices, in one guest: `deno run -A tests/backup/host.ts [--kernel ID]
 * [--tool FILE] [--module FILE]`. In the end Debian's cron runs what deploy/ has for it, with the
 * packed file. Takes dist/dmremap-ts.
 */
import { runStepsInGuest } from "../suite/steps_in_guest.ts";
import { MIB, PAIR } from "./guest/layout.ts";

Deno.exit(
  await runStepsInGuest({
    path: new URL("guest/steps.ts", import.meta.url).pathname,
    disks: [
      ...PAIR,
      { serial: "other", sizeBytes: 16 * MIB },
      { serial: "room", sizeBytes: 16 * MIB },
    ],
    packages: ["cron", "procps"],
    timeoutSeconds: 400,
  }),
);
