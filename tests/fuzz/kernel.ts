// SPDX-License-Identifier: GPL-2.0-only
//
// Sound, damaged and forged metadata for the kernel itself: what it refuses, and what it makes of
// the rest.
//
//   deno run -A tests/fuzz/kernel.ts [--kernel 6.1|6.12|debug|IMAGE] [--seed N] [--histories N]
//     [--damages N] [--forgeries N] [--module FILE.ko]
import { parseArgs } from "node:util";
import { log, runInGuest } from "../suite/guest/in_guest.ts";
import { writeCases } from "./case_file.ts";
import { kernelCases } from "./kernel_cases.ts";

const { values } = parseArgs({
  options: {
    kernel: { type: "string", default: "debug" },
    seed: { type: "string", default: "1" },
    histories: { type: "string", default: "24" },
    damages: { type: "string", default: "4" },
    forgeries: { type: "string", default: "80" },
    module: { type: "string" },
    timeout: { type: "string", default: "1200" },
  },
});

const dir = await Deno.makeTempDir({ prefix: "dmremap-fuzz-" });
let code: number;
try {
  const cases = kernelCases({
    histories: Number(values.histories),
    damagesEach: Number(values.damages),
    forgeries: Number(values.forgeries),
    seed: Number(values.seed),
  });
  const expected = cases.filter((each) => each.expected !== undefined).length;
  log(`${cases.length} images, of which ${expected} have a table`);
  writeCases(dir, cases);
  code = await runInGuest({
    program: new URL("kernel_guest.ts", import.meta.url).pathname,
    args: [],
    kernel: values.kernel,
    module: values.module,
    share: [dir],
    env: { FUZZ_CASES: dir },
    timeoutSeconds: Number(values.timeout),
  });
} finally {
  await Deno.remove(dir, { recursive: true });
}
Deno.exit(code);
