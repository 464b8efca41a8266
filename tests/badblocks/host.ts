// SPDX-License-Identifier: GPL-2.0-only
//
// ext4 over disks with 300 scattered bad sectors, in a guest:
//
//   deno run -A tests/badblocks/host.ts [--kernel 6.1|6.12|debug|IMAGE] [--seed N] [--disk NAME]...
//     [--module FILE.ko]
import { parseArgs } from "node:util";
import { ensurePackages, STAGE_PACKAGES } from "../../cli/lab/packages.ts";
import { log, runInGuest } from "../suite/guest/in_guest.ts";
import { guestDisk, LAYOUTS, SPARE_SECTORS } from "./layout.ts";

const { values } = parseArgs({
  options: {
    kernel: { type: "string", default: "6.1" },
    seed: { type: "string", default: "1" },
    disk: { type: "string", multiple: true, default: [] },
    module: { type: "string" },
    timeout: { type: "string", default: "1200" },
  },
});

const layouts = LAYOUTS.filter(({ name }) =>
  values.disk.length === 0 || values.disk.includes(name)
);
log(`seed ${values.seed}`);
await ensurePackages(STAGE_PACKAGES, log);
Deno.exit(
  await runInGuest({
    program: new URL("guest.ts", import.meta.url).pathname,
    args: ["--seed", values.seed, ...layouts.flatMap(({ name }) => ["--disk", name])],
    kernel: values.kernel,
    module: values.module,
    timeoutSeconds: Number(values.timeout),
    disks: [
      ...layouts.map((layout) => guestDisk(layout, Number(values.seed))),
      { serial: "spare", sizeBytes: SPARE_SECTORS * 512 },
    ],
  }),
);
