// SPDX-License-Identifier: GPL-2.0-only
import { join } from "node:path";
import { bundle } from "../../cli/pack/build.ts";
import { pack } from "../../cli/pack/pack.ts";
import type { StartTimes } from "./report.ts";

const RUNS = 11;

class StartError extends Error {
  override readonly name = "StartError";
}

/**
 * Times `--version` of the packed file, of the bundle and of the sources, in turn, so that whatever
 * else the machine does meets all three. The first round only warms caches up.
 */
export async function measureStarts(
  root: string,
  log: (line: string) => void,
): Promise<StartTimes> {
  const folder = await Deno.makeTempDir({ prefix: "dmremap-bench-" });
  try {
    const packed = await packedFile(root, folder, log);
    const script = await bundledFile(root, folder);
    const deno = [Deno.execPath(), "run", "--quiet", "-A"];
    const programs = [[packed], [...deno, script], [...deno, join(root, "cli/main.ts")]];
    const times: number[][] = programs.map(() => []);
    for (let round = 0; round <= RUNS; round++) {
      for (const [index, program] of programs.entries()) {
        const time = timeVersion(program);
        if (round > 0) times[index]?.push(time);
      }
    }
    const [packed_ms = [], bundle_ms = [], source_ms = []] = times;
    return { packed_ms, bundle_ms, source_ms };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** dist/dmremap-ts; where nobody has packed yet, a file packed for this. */
async function packedFile(root: string, folder: string, log: (line: string) => void) {
  const existing = join(root, "dist", "dmremap-ts");
  if (await Deno.stat(existing).then(({ isFile }) => isFile, () => false)) return existing;
  log("packing the tool");
  const output = join(folder, "dmremap-ts");
  await pack({ root, output });
  return output;
}

/** The bundle as one script, in a tree where it finds the files that it reads. */
async function bundledFile(root: string, folder: string): Promise<string> {
  const place = join(folder, "cli", "embed");
  await Deno.mkdir(place, { recursive: true });
  for (const name of ["deno.json", "kmod"]) {
    await Deno.symlink(join(root, name), join(folder, name));
  }
  const script = join(place, "main.js");
  await Deno.writeTextFile(script, await bundle(root, "cli/main.ts", "esm", folder));
  return script;
}

function timeVersion([program = "", ...args]: readonly string[]): number {
  const started = performance.now();
  const { code, stdout } = new Deno.Command(program, {
    args: [...args, "--version"],
    stdin: "null",
    stderr: "null",
  }).outputSync();
  const time = performance.now() - started;
  if (code !== 0 || stdout.length === 0) throw new StartError(`${program} --version: exit ${code}`);
  return time;
}
