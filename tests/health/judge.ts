// SPDX-License-Identifier: GPL-2.0-only
// The module's assessment, compiled for this machine and asked in user space.
import { dirname, join } from "node:path";

const here = import.meta.dirname ?? ".";
const KMOD = join(here, "..", "..", "kmod");

/** Compiles the module's own source with every warning an error; gives the program's path. */
async function compile(folder: string): Promise<string> {
  const program = join(folder, "judge");
  const warnings = ["-Wall", "-Wextra", "-Wno-sign-compare", "-Werror"];
  const sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover"];
  const sources = [join(here, "judge.c"), join(KMOD, "dm-remap-assess.c")];
  const { success, stderr } = await new Deno.Command("gcc", {
    args: ["-std=gnu11", "-g", ...warnings, ...sanitizers, "-o", program, ...sources],
    stderr: "piped",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return program;
}

/** Asks all questions of `judge.c` in one run. @returns a line for each */
export async function ask(questions: readonly string[]): Promise<string[]> {
  const folder = await Deno.makeTempDir({ prefix: "dmremap-judge-" });
  try {
    const child = new Deno.Command(await compile(folder), {
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    const written = writer.write(new TextEncoder().encode(`${questions.join("\n")}\n`))
      .then(() => writer.close());
    const [{ success, stdout, stderr }] = await Promise.all([child.output(), written]);
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    const answers = new TextDecoder().decode(stdout).trimEnd().split("\n");
    if (answers.length !== questions.length) {
      throw new Error(`${answers.length} answers to ${questions.length} questions`);
    }
    return answers;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A row of the table of thresholds. */
export interface Threshold {
  readonly word: string;
  /** `set`, `at least 64`, `at most 20 %`, `none left`. */
  readonly met: string;
  readonly state: string;
  readonly points: number;
}

/** The rows in the module's source, in order. */
export function sourceThresholds(): Threshold[] {
  const source = Deno.readTextFileSync(join(KMOD, "dm-remap-assess.c"));
  const row =
    /^\t\{ REMAP_M_\w+, REMAP_(FLAG|COUNT|LEFT), (\d+), REMAP_(\w+), (\d+), "(\w+)" \},$/gm;
  return [...source.matchAll(row)].map(([, kind, bound, state, points, word]) => ({
    word: word!,
    met: kind === "FLAG" ? "yes" : kind === "COUNT" ? `at least ${bound}` : `at most ${bound} %`,
    state: state!.toLowerCase(),
    points: Number(points),
  }));
}

/** The rows of the table in docs/health.md, in order. */
export function documentedThresholds(): Threshold[] {
  const text = Deno.readTextFileSync(join(dirname(KMOD), "docs", "health.md"));
  const row = /^\| `(\w+)`\s*\|[^|]*\|\s*([^|]+?)\s*\|\s*(\w+)\s*\|\s*(\d+)\s*\|$/gm;
  return [...text.matchAll(row)].map(([, word, met, state, points]) => ({
    word: word!,
    met: met!,
    state: state!,
    points: Number(points),
  }));
}
