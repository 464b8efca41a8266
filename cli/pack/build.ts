// SPDX-License-Identifier: GPL-2.0-only
import { join } from "node:path";

/** A step of packing failed; the message says which, and what to do. */
export class PackError extends Error {
  override readonly name = "PackError";
}

const LAUNCHER_FLAGS = [
  "-std=gnu11",
  "-Os",
  "-Wall",
  "-Wextra",
  "-Werror",
  "-static",
  "-nostdlib",
  "-ffreestanding",
  "-fno-builtin",
  "-fno-stack-protector",
  "-fcf-protection=none",
  "-fno-asynchronous-unwind-tables",
  "-Wl,--build-id=none,-z,noexecstack,-z,norelro,-z,noseparate-code",
  "-s",
];

/** Compiles launcher.c; `folder` takes what the compiler writes. */
export async function buildLauncher(root: string, folder: string): Promise<Uint8Array> {
  const output = join(folder, "launcher");
  const source = join(root, "cli", "pack", "launcher", "launcher.c");
  try {
    await run("gcc", [...LAUNCHER_FLAGS, "-o", output, source], root);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) {
      throw new PackError(
        "gcc is missing, which builds the launcher. On Debian: apt-get install gcc libc6-dev",
        { cause },
      );
    }
    if (cause instanceof PackError && /fatal error: .*No such file/.test(cause.message)) {
      throw new PackError(
        "C headers are missing. On Debian: apt-get install libc6-dev linux-libc-dev",
        { cause },
      );
    }
    throw cause;
  }
  return await Deno.readFile(output);
}

/** Bundles a module and everything it imports, except what is built into the runtime. */
export async function bundle(
  root: string,
  module: string,
  format: "esm" | "cjs",
  folder: string,
): Promise<string> {
  const output = join(folder, "bundle.js");
  const flags = ["--quiet", "--platform", "deno", "--format", format];
  await run(Deno.execPath(), ["bundle", ...flags, "-o", output, module], root);
  return withoutMachinePaths(await Deno.readTextFile(output));
}

/**
 * The bundler notes where each npm package lay. That differs from machine to machine, and must
 * not change the packed file.
 */
export function withoutMachinePaths(script: string): string {
  return script.replace(
    /^(\s*(?:\/\/ |"))[^"\n]*\/npm\/[^/"\n]+\/(?=[^"\n]+\/\d+\.\d+\.\d+)/gm,
    "$1npm:/",
  );
}

/** The bundle as the one function that start.ts calls. */
export function asProgram(script: string): string {
  return `(function (require, module, exports) {${script}\n})`;
}

/** Runs a program to its end; its stderr becomes the message if it fails. */
export async function run(
  program: string,
  args: readonly string[],
  cwd: string,
  env: Record<string, string> = {},
): Promise<string> {
  const { success, code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd,
    env,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  if (!success) {
    throw new PackError(
      `${program} ${args[0] ?? ""} ended with ${code}:\n${decoder.decode(stderr)}`,
    );
  }
  return decoder.decode(stdout);
}
