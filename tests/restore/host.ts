// SPDX-License-Identifier: GPL-2.0-only
/**
 * A spare is lost, and made anew from a snapshot: `deno run -A tests/restore/host.ts [--kernel ID]
 * [--tool FILE] [--module FILE]`. Takes dist/dmremap-ts.
 */
import { runStepsInGuest } from "../suite/steps_in_guest.ts";
import { BAD_SECTOR } from "./guest/layout.ts";

const MIB = 1024 * 1024;

Deno.exit(
  await runStepsInGuest({
    path: new URL("guest/steps.ts", import.meta.url).pathname,
    disks: [
      { serial: "main", sizeBytes: 64 * MIB, faults: [{ iotype: "read", sector: BAD_SECTOR }] },
      { serial: "spare", sizeBytes: 16 * MIB },
      { serial: "fresh", sizeBytes: 24 * MIB },
      { serial: "small", sizeBytes: 128 * 1024 },
      { serial: "twin", sizeBytes: 64 * MIB },
    ],
    timeoutSeconds: 600,
  }),
);
