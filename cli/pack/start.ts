// SPDX-License-Identifier: GPL-2.0-only

/**
 * Starts the bundled program inside the packed file. Deno's module loader would parse the bundle
 * twice and needs a writable cache to be quick the next time; `vm.Script` compiles it once and
 * takes V8's code cache from the packed file itself. V8 refuses a cache that does not fit its
 * version and flags, which costs time and nothing else.
 */
import process from "node:process";
import { type PackedPayload, packedPayload, PayloadError, readSelf } from "../embed/payload.ts";

type Script = import("node:vm").Script;
type Program = (
  require: (id: string) => unknown,
  module: { exports: object },
  exports: object,
) => void;

/** Compiles the program; nothing of it has run yet. */
export function compileProgram(): Script {
  const payload = requirePayload();
  const { Script } = process.getBuiltinModule("node:vm");
  return new Script(new TextDecoder().decode(readSelf(payload.script)), {
    filename: "dmremap-ts.js",
    ...(payload.codeCache.size > 0 ? { cachedData: readSelf(payload.codeCache) } : {}),
  });
}

/** Runs the compiled program with the user's arguments. */
export function runProgram(script: Script): void {
  const module = { exports: {} };
  const program: Program = script.runInThisContext();
  program(requireBuiltin, module, module.exports);
}

function requirePayload(): PackedPayload {
  const payload = packedPayload();
  if (payload === undefined) throw new PayloadError("this is not a packed file");
  return payload;
}

function requireBuiltin(id: string): unknown {
  const builtin: unknown = process.getBuiltinModule(id);
  if (builtin === undefined) throw new PayloadError(`${id} is not part of the packed file`);
  return builtin;
}
