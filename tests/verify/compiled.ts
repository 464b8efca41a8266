// SPDX-License-Identifier: GPL-2.0-only
// Sources of the kernel module, compiled for user space as they are, or with mistakes put in.
import assert from "node:assert/strict";
import { join } from "node:path";

const here = import.meta.dirname ?? ".";
const kmod = join(here, "../../kmod");

/** What a run printed, and how it ended. */
export interface Outcome {
  readonly code: number;
  readonly text: string;
}

/** Changes to sources: each place has to be there once. */
export type Mistake = readonly (readonly [from: string, to: string])[];

async function run(program: string, ...args: string[]): Promise<Outcome> {
  const { code, stdout, stderr } = await new Deno.Command(program, { args }).output();
  const decoder = new TextDecoder();
  return { code, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

/** Compiles a program of this folder with sources of the module, and runs it. */
export async function runCompiled(
  program: string,
  sources: readonly string[],
  mistake: Mistake = [],
): Promise<Outcome> {
  const dir = await Deno.makeTempDir();
  try {
    let left = mistake.length;
    for (const source of sources) {
      let text = await Deno.readTextFile(join(kmod, source));
      for (const [from, to] of mistake) {
        if (!text.includes(from)) continue;
        assert.equal(text.split(from).length, 2, `${source} has more than once: ${from}`);
        text = text.replace(from, () => to);
        left--;
      }
      await Deno.writeTextFile(`${dir}/${source}`, text);
    }
    assert.equal(left, 0, "every place is in one of the sources");
    // Quoted includes look beside the sources first, which is where the module's own header is not.
    const flags = ["-O2", "-Wall", `-I${dir}`, `-I${join(here, "shim")}`];
    const compiled = await run("cc", ...flags, join(here, program), "-o", `${dir}/program`);
    assert.equal(compiled.code, 0, compiled.text);
    if (mistake.length === 0) assert.equal(compiled.text, "");
    return await run(`${dir}/program`);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}
