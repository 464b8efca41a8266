// SPDX-License-Identifier: GPL-2.0-only
//
// Others' tests over our device, in guests: docs/peers.md says which.
//
//   deno run -A tests/peers/host.ts [--part NAME]... [--case TEXT]
//     [--kernel 6.1|6.12|debug|IMAGE] [--module FILE.ko] [--full]
import { parseArgs } from "node:util";
import type { GuestDisk } from "../../cli/lab/guest.ts";
import { ensurePackages, STAGE_PACKAGES } from "../../cli/lab/packages.ts";
import { log, runInGuest } from "../suite/guest/in_guest.ts";
import { crashPart } from "./crash/part.ts";
import { BLOCK_DISKS, fioDisks, stackDisks, STRESS_DISKS } from "./layout.ts";

const { values } = parseArgs({
  options: {
    part: { type: "string", multiple: true, default: [] },
    case: { type: "string", default: "" },
    kernel: { type: "string", default: "6.1" },
    module: { type: "string" },
    full: { type: "boolean", default: false },
    timeout: { type: "string", default: "600" },
  },
});

interface Part {
  readonly name: string;
  /** Debian's, in which the others' programs are. */
  readonly packages: readonly string[];
  /** It is made of cases that need nothing of each other: one of them can run by itself. */
  readonly cases?: true;
  readonly run: () => Promise<number>;
}

const machine = {
  kernel: values.kernel,
  module: values.module,
  timeoutSeconds: Number(values.timeout),
  operations: values.full ? 60 : 16,
};

async function inGuest(part: string, disks: readonly GuestDisk[]): Promise<number> {
  return await runInGuest({
    program: new URL("guest/main.ts", import.meta.url).pathname,
    args: ["--part", part, "--case", values.case, ...(values.full ? ["--full"] : [])],
    kernel: values.kernel,
    module: values.module,
    timeoutSeconds: Number(values.timeout),
    disks,
  });
}

const PARTS: readonly Part[] = [
  { name: "fio", packages: ["fio"], run: () => inGuest("fio", fioDisks(values.full)) },
  {
    name: "stress",
    packages: ["stress-ng", "e2fsprogs", "xfsprogs"],
    cases: true,
    run: () => inGuest("stress", STRESS_DISKS),
  },
  {
    name: "lvm",
    packages: ["lvm2", "thin-provisioning-tools"],
    run: () => inGuest("lvm", stackDisks("lvm", values.full)),
  },
  {
    name: "md",
    packages: ["mdadm"],
    cases: true,
    run: () => inGuest("md", stackDisks("md", values.full)),
  },
  {
    name: "integrity",
    packages: ["cryptsetup-bin", "dmsetup"],
    cases: true,
    run: () => inGuest("integrity", stackDisks("integrity", values.full)),
  },
  {
    name: "block",
    packages: ["fio", "util-linux"],
    cases: true,
    run: () => inGuest("block", BLOCK_DISKS),
  },
  {
    name: "crash-ext4",
    packages: ["e2fsprogs"],
    run: () => crashPart("ext4", { ...machine, states: values.full ? 600 : 60 }),
  },
  {
    name: "crash-xfs",
    packages: ["xfsprogs"],
    run: () => crashPart("xfs", { ...machine, states: values.full ? 60 : 12 }),
  },
];

const chosen = PARTS.filter(({ name }) => values.part.length === 0 || values.part.includes(name));
if (chosen.length < Math.max(1, new Set(values.part).size)) {
  log(`--part: one of ${PARTS.map(({ name }) => name).join(", ")}`);
  Deno.exit(2);
}
if (values.case !== "" && chosen.some(({ cases }) => cases !== true)) {
  const able = PARTS.filter(({ cases }) => cases === true).map(({ name }) => name);
  log(`--case: only with --part ${able.join(", ")}`);
  Deno.exit(2);
}
await ensurePackages([...STAGE_PACKAGES, ...chosen.flatMap(({ packages }) => packages)], log);
const failed: string[] = [];
for (const { name, run } of chosen) {
  const started = performance.now();
  if (await run() !== 0) failed.push(name);
  log(`${name}: ${((performance.now() - started) / 1000).toFixed(0)} s`);
}
if (failed.length > 0) log(`parts that failed: ${failed.join(", ")}`);
const text = `${chosen.length - failed.length} passed, ${failed.length} failed\n`;
Deno.stdout.writeSync(new TextEncoder().encode(text));
Deno.exit(failed.length === 0 ? 0 : 1);
