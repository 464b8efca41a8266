// SPDX-License-Identifier: GPL-2.0-only
//
// A shell in the guest, for people who work on this:
//
//   deno task vm [--kernel 6.1|6.12|debug|IMAGE] [--disk SIZE_MIB]... [--icount] [COMMAND...]
//
// The guest sees this machine's files read-only. Two disks of 64 MiB are there as /dev/lab/main and
// /dev/lab/spare unless --disk says otherwise; `exit` ends it.
import { parseArgs } from "node:util";
import { ensureKernel } from "../../cli/lab/kernels.ts";
import { runInteractiveGuest } from "../../cli/lab/shell.ts";

const MIB = 1 << 20;
const say = (line: string) => {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
};

const { values, positionals } = parseArgs({
  args: Deno.args,
  options: {
    kernel: { type: "string", default: "6.1" },
    disk: { type: "string", multiple: true, default: ["64", "64"] },
    icount: { type: "boolean", default: false },
  },
  allowPositionals: true,
});

if (!Deno.stdin.isTerminal()) {
  say("deno task vm: needs a terminal");
  Deno.exit(2);
}

const kernel = await ensureKernel(values.kernel, say);
const { columns, rows } = Deno.consoleSize();
const command = positionals.length > 0 ? positionals.join(" ") : "exec /bin/bash -l";
say(`booting ${kernel.release}; \`exit\` ends it`);
const complaints = await runInteractiveGuest({
  kernel,
  argv: ["/bin/sh", "-c", `stty rows ${rows} cols ${columns}; ${command}`],
  env: { TERM: Deno.env.get("TERM") ?? "linux" },
  cwd: Deno.cwd(),
  icount: values.icount,
  disks: values.disk.map((size, index) => ({
    sizeBytes: Number(size) * MIB,
    serial: ["main", "spare"][index] ?? `disk${index}`,
  })),
  log: say,
});
for (const complaint of complaints) say(`the kernel complained:\n${complaint}`);
Deno.exit(complaints.length > 0 ? 1 : 0);
