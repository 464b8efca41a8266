// SPDX-License-Identifier: GPL-2.0-only
//
// In the guest: a command, and then what the module and Deno have counted meanwhile.
import { sendCounters, sendProfiles } from "./counters.ts";

const [program = "true", ...args] = Deno.args;
const profiles = await Deno.makeTempDir();
const env = { DENO_COVERAGE_DIR: profiles };
const { code } = await new Deno.Command(program, { args, env, stdin: "null" }).spawn().status;
sendCounters();
sendProfiles(profiles);
Deno.exit(code);
