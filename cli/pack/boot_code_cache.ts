// SPDX-License-Identifier: GPL-2.0-only
// The boot script of the packer's trial run: the program runs as it will for its users, and
// leaves V8's code cache of everything that was compiled in the file named by the environment.
import { setFlagsFromString } from "node:v8";
import { compileProgram, runProgram } from "./start.ts";

// What has been compiled stays in the cache, however long the run takes.
setFlagsFromString("--no-flush-bytecode");

const output = Deno.env.get("DMREMAP_CODE_CACHE");
if (output === undefined) throw new Error("DMREMAP_CODE_CACHE names no file");
const script = compileProgram();
globalThis.addEventListener("unload", () => {
  Deno.writeFileSync(output, script.createCachedData());
});
runProgram(script);
