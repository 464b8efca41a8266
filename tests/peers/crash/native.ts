// SPDX-License-Identifier: GPL-2.0-only
//
// ext4 and xfs looked at without a kernel of theirs, by the programs that come with them.
import { run } from "../../suite/guest/process.ts";
import { type Expected, fileProblem } from "./plan.ts";

interface Output {
  readonly code: number;
  readonly text: string;
}

async function output(program: string, ...args: readonly string[]): Promise<Output> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, text: `${decoder.decode(stdout)}${decoder.decode(stderr)}`.trim() };
}

const last = (text: string) => text.split("\n").slice(-6).join("; ");

/** As at a start: the journal is replayed. Then nothing is wrong, and what was synced is there. */
export async function ext4Problem(
  image: string,
  directory: string,
  expected: readonly Expected[],
): Promise<string | undefined> {
  const start = await output("e2fsck", "-p", image);
  // 1: what a start puts right by itself.
  if (start.code > 1) return `e2fsck -p: ${start.code}: ${last(start.text)}`;
  const check = await output("e2fsck", "-f", "-n", image);
  if (check.code !== 0) return `e2fsck -fn: ${check.code}: ${last(check.text)}`;
  const files = `${directory}/files`;
  await Deno.mkdir(files);
  try {
    const commands = expected.map(({ file }) => `dump ${file} ${files}/${file}\n`).join("");
    await Deno.writeTextFile(`${directory}/commands`, commands);
    await run("debugfs", "-f", `${directory}/commands`, image);
    for (const each of expected) {
      const bytes = await Deno.readFile(`${files}/${each.file}`).catch(() => undefined);
      const problem = fileProblem(each, bytes);
      if (problem !== undefined) return problem;
    }
    return undefined;
  } finally {
    await Deno.remove(files, { recursive: true });
  }
}

/** After its log was replayed. */
export async function xfsProblem(image: string): Promise<string | undefined> {
  const { code, text } = await output("xfs_repair", "-n", "-f", image);
  return code === 0 ? undefined : `xfs_repair -n: ${code}: ${last(text)}`;
}
