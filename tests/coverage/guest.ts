// SPDX-License-Identifier: GPL-2.0-only
//
// In the guest: a command, and then what the module and Deno have counted meanwhile.
import { sendCounters, sendProfiles } from "./counters.ts";

/** How long a program may take to come to its end when it is told to. */
const GRACE_SECONDS = 40;

/** Runs a program; what takes longer is stopped, and has still been counted. */
async function run([program = "true", ...args]: string[], seconds: number): Promise<number> {
  const env = { DENO_COVERAGE_DIR: profiles };
  const child = new Deno.Command(program, { args, env, stdin: "null" }).spawn();
  const signals = [["SIGINT", seconds], ["SIGKILL", seconds + GRACE_SECONDS]] as const;
  const timers = signals.map(([signal, after]) =>
    setTimeout(() => child.kill(signal), after * 1000)
  );
  const { code } = await child.status;
  for (const timer of timers) clearTimeout(timer);
  return code;
}

const profiles = await Deno.makeTempDir();
const code = await run(Deno.args, Number(Deno.env.get("COVERAGE_SECONDS") ?? 3600));
sendCounters();
sendProfiles(profiles);
Deno.exit(code);
