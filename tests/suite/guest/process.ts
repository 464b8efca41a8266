// SPDX-License-Identifier: GPL-2.0-only

/** Runs a program that has to succeed; gives back what it printed. */
export async function run(program: string, ...args: readonly string[]): Promise<string> {
  const { success, code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  if (success) return decoder.decode(stdout);
  throw new Error(`${program} ${args.join(" ")}: exit code ${code}\n${decoder.decode(stderr)}`);
}
