// SPDX-License-Identifier: GPL-2.0-only
//
// The race test: writers and readers of blocks that are relocated to and fro meanwhile.
//
//   deno run -A tests/race/host.ts [--kernel 6.1|6.12|debug|IMAGE] [--operations MOVES] [--seed N]
//     [--scenario NAME]... [--module FILE.ko]
import { parseArgs } from "node:util";
import { runInGuest } from "../suite/guest/in_guest.ts";

const { values } = parseArgs({
  options: {
    kernel: { type: "string", default: "6.1" },
    operations: { type: "string" },
    seed: { type: "string", default: "1" },
    scenario: { type: "string", multiple: true, default: [] },
    module: { type: "string" },
    timeout: { type: "string", default: "1800" },
  },
});

Deno.exit(
  await runInGuest({
    program: new URL("guest.ts", import.meta.url).pathname,
    args: [
      ...(values.operations === undefined ? [] : ["--operations", values.operations]),
      ...["--seed", values.seed],
      ...values.scenario.flatMap((name) => ["--scenario", name]),
    ],
    kernel: values.kernel,
    module: values.module,
    timeoutSeconds: Number(values.timeout),
  }),
);
