// SPDX-License-Identifier: GPL-2.0-only
//
// A mounted file system over a disk with bad sectors goes to another disk, in a guest, with the packed
// tool:
//
//   deno run -A tests/replace/host.ts [--kernel 6.1|6.12|debug|IMAGE] [--tool FILE] [--module FILE.ko]
//     [--part failures|moves|all]
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { ensurePackages, STAGE_PACKAGES } from "../../cli/lab/packages.ts";
import { log, runInGuest } from "../suite/guest/in_guest.ts";
import { DISK_SECTORS, SPARE_SECTORS } from "./disks.ts";

const { values } = parseArgs({
  options: {
    kernel: { type: "string", default: "6.1" },
    tool: { type: "string", default: join(import.meta.dirname ?? ".", "../../dist/dmremap-ts") },
    module: { type: "string" },
    part: { type: "string", default: "all" },
    timeout: { type: "string", default: "900" },
  },
});

const tool = resolve(values.tool);
const disk = (serial: string, sectors: number) => ({ serial, sizeBytes: sectors * 512 });
await ensurePackages(STAGE_PACKAGES, log);
Deno.exit(
  await runInGuest({
    program: new URL("guest.ts", import.meta.url).pathname,
    args: ["--tool", tool, "--part", values.part],
    kernel: values.kernel,
    module: values.module,
    timeoutSeconds: Number(values.timeout),
    share: [dirname(tool)],
    disks: [
      disk("spare", SPARE_SECTORS),
      // Larger than the first one: the kernel compares sizes.
      disk("second", DISK_SECTORS + 4096),
      disk("third", DISK_SECTORS),
    ],
  }),
);
