// SPDX-License-Identifier: GPL-2.0-only
//
// In the guest: a command, and then what the module has counted meanwhile.
import { sendCounters } from "./counters.ts";

const [program = "true", ...args] = Deno.args;
const { code } = await new Deno.Command(program, { args, stdin: "null" }).spawn().status;
sendCounters();
Deno.exit(code);
