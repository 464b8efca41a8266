// SPDX-License-Identifier: GPL-2.0-only
//
// A machine that is killed at random moments and booted again with the same disks:
//
//   deno run -A tests/crash/kill/host.ts [--kills N] [--chains N] [--seed S] [--kernel 6.1|6.12|IMAGE]
//     [--module FILE.ko]
//
// What a killed QEMU has completed is kept, so this finds no missing flush; it finds what the host can
// not act out: the kernel itself, stopped anywhere, and started again and again.
import { parseArgs } from "node:util";
import { messageOf } from "../../../cli/selftest/check.ts";
import { log } from "../../suite/guest/in_guest.ts";
import { Chain, type ChainOptions } from "./chain.ts";
import { prepare } from "./prepare.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "50" },
    chains: { type: "string", default: "2" },
    seed: { type: "string", default: "1" },
    kernel: { type: "string", default: "6.1" },
    module: { type: "string" },
  },
});

/** One machine after the other; those of another chain run beside them. */
async function runChain(options: ChainOptions, kills: number): Promise<void> {
  const chain = await Chain.create(options);
  for (let kill = 0; kill < kills; kill++) log(await chain.bootAndKill());
  log(await chain.lastBoot());
}

const directory = await Deno.makeTempDir({ prefix: "dmremap-kill-" });
const chains = Number(values.chains);
const kills = Math.ceil(Number(values.kills) / chains);
let passed = 0;
const failures: string[] = [];
try {
  const machine = await prepare(values.kernel, values.module, directory);
  const seeds = Array.from({ length: chains }, (_, index) => Number(values.seed) * 100 + index);
  log(`${chains} chains of ${kills} kills, seed ${values.seed}`);
  const results = await Promise.allSettled(
    seeds.map((seed) => runChain({ ...machine, seed, directory }, kills)),
  );
  for (const [index, result] of results.entries()) {
    if (result.status === "fulfilled") passed += kills + 1;
    else failures.push(`chain ${index}: ${messageOf(result.reason)}`);
  }
} finally {
  if (failures.length === 0) await Deno.remove(directory, { recursive: true });
  else log(`the disks are in ${directory}`);
}
for (const failure of failures) log(failure);
Deno.stdout.writeSync(
  new TextEncoder().encode(`${passed} passed, ${failures.length} failed\n`),
);
Deno.exit(failures.length === 0 ? 0 : 1);
