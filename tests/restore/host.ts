// SPDX-License-Identifier: GPL-2.0-only
/**
 * A spare is lost, and made anew from a snapshot: `deno run -A tests/restore/host.ts [--kernel ID]
 * [--tool FILE] [--module FILE]`. Takes dist/dmremap-ts.
 */
import { MIB, PAIR } from "../backup/guest/layout.ts";
import { runStepsInGuest } from "../suite/steps_in_guest.ts";

Deno.exit(
  await runStepsInGuest({
    path: new URL("guest/steps.ts", import.meta.url).pathname,
    disks: [
      ...PAIR,
      { serial: "fresh", sizeBytes: 24 * MIB },
      { serial: "small", sizeBytes: 128 * 1024 },
      { serial: "twin", sizeBytes: 64 * MIB },
    ],
    timeoutSeconds: 600,
  }),
);
