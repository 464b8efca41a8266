// SPDX-License-Identifier: GPL-2.0-only
//
// The model test: random sequences of operations on the real target, compared with a model.
//
//   deno run -A tests/model/host.ts [--kernel 6.1|6.12|debug|IMAGE] [--operations N] [--seed N]
//     [--variant NAME]... [--module FILE.ko] [--replay FILE]
import { parseArgs } from "node:util";
import { runInGuest } from "../suite/guest/in_guest.ts";
import { SECTOR_BYTES } from "./stamps.ts";
import { DISK_SECTORS } from "./variants.ts";

const { values } = parseArgs({
  options: {
    kernel: { type: "string", default: "6.1" },
    operations: { type: "string", default: "13000" },
    seed: { type: "string", default: "1" },
    variant: { type: "string", multiple: true, default: [] },
    module: { type: "string" },
    replay: { type: "string" },
    timeout: { type: "string", default: "1800" },
  },
});

const args = [
  ...["--operations", values.operations, "--seed", values.seed],
  ...values.variant.flatMap((name) => ["--variant", name]),
  ...(values.replay === undefined ? [] : ["--replay", await Deno.readTextFile(values.replay)]),
];

Deno.exit(
  await runInGuest({
    program: new URL("guest.ts", import.meta.url).pathname,
    args,
    kernel: values.kernel,
    module: values.module,
    disks: Object.entries(DISK_SECTORS).map(([serial, sectors]) => ({
      serial,
      sizeBytes: sectors * SECTOR_BYTES,
    })),
    timeoutSeconds: Number(values.timeout),
  }),
);
